import { eq } from 'drizzle-orm'
import { type Caller, type Identity, identityOf } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { challenges } from '../../db/schema/factors.ts'
import type { UserRow } from '../../db/schema/users.ts'
import { createRandomId } from '../../db/uuid.ts'
import type { MailKind } from '../../mail/kinds.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import type { EventKind } from '../events/kinds.ts'
import { endPendingChange } from '../mailing/end-tokens.ts'
import { TOKEN_PURPOSES } from '../mailing/mailed-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'
import { lockLiveUser } from '../sessions/live-session.ts'
import { renewCookie } from '../sessions/renew-session.ts'
import { endFactorRecovery } from './factor-recovery.ts'
import { requireRecentProof } from './recent-proof.ts'

/** How a change is recorded. A notice that can carry a token gets one. */
type Change = { event: EventKind; notice: MailKind }

/**
 * Changes the factors of the caller's account: locks it, requires a recent proof, and runs `work`. Then all other sessions,
 * begun sign-ins, a pending change of address and a recovery end, this session gets a new secret if it has a cookie, and the
 * mailbox gets a notice. Reset links stay: a taker could change factors again and again, and so end each of them.
 */
export async function changeFactors<T>(
  { db, mailedTokens, outbox, refreshTokens, sessionCache }: Dependencies,
  caller: Caller,
  { event, notice }: Change,
  work: (tx: Executor, user: UserRow, identity: Identity) => Promise<T>,
): Promise<T> {
  const identity = await identityOf(caller)
  const { session } = identity
  const { result, secret } = await db.transaction(async (tx) => {
    const user = await lockLiveUser(tx, identity)
    await requireRecentProof(tx, identity, user)
    const result = await work(tx, user, identity)
    const mail = { id: createRandomId(), userId: user.id }
    const purpose = TOKEN_PURPOSES[notice]
    await endPendingChange(tx, user)
    // Otherwise a wait that is over would open the account without a factor that was added only now.
    await endFactorRecovery(tx, user)
    await endSessions(tx, user.id, session.id)
    // Statements that do not wait for each other share one round trip.
    const [secret] = await Promise.all([
      renewCookie(tx, session, refreshTokens),
      tx.delete(challenges).where(eq(challenges.userId, user.id)),
      recordEvent(tx, event, user.id, caller.client),
      outbox.add(tx, { ...mail, kind: notice, recipient: user.email }),
      purpose && mailedTokens.store(tx, { ...mail, purpose, value: user.email }),
    ])
    return { result, secret }
  })
  sessionCache.evict(identity.user.id)
  if (secret) caller.keepSecret(secret)
  return result
}
