import { eq } from 'drizzle-orm'
import { type Caller, type Identity, identityOf } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { challenges, type UserRow } from '../../db/schema.ts'
import type { MailKind } from '../../mail/templates.ts'
import type { Dependencies } from '../dependencies.ts'
import { type EventKind, recordEvent } from '../events/events.ts'
import { createRandomId } from '../keys/sealed-tokens.ts'
import { endMailedTokens, TOKEN_PURPOSES } from '../mailing/mailed-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'
import { lockLiveUser } from '../sessions/live-session.ts'
import { renewSession } from '../sessions/renew-session.ts'
import { requireRecentProof } from './recent-proof.ts'

/** How a change is recorded. A notice that can carry a token gets one. */
type Change = { event: EventKind; notice: MailKind }

/**
 * Changes the factors of the caller's account. The account is locked, and a recent proof is demanded, before `work` runs.
 * After it all other sessions, mailed tokens and begun sign-ins end, this session gets a new secret, and the mailbox gets a
 * notice. The answer cannot carry a secret to a `TOKEN` session: it keeps its own until its next rotation.
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
    await endSessions(tx, user.id, session.id)
    await endMailedTokens(tx, user)
    await tx.delete(challenges).where(eq(challenges.userId, user.id))
    await recordEvent(tx, event, user.id, caller.client)
    const mail = { id: createRandomId(), userId: user.id }
    await outbox.add(tx, { ...mail, kind: notice, recipient: user.email })
    const purpose = TOKEN_PURPOSES[notice]
    if (purpose) await mailedTokens.store(tx, { ...mail, purpose, value: user.email })
    const isCookie = session.transport === 'COOKIE'
    return {
      result,
      secret: isCookie ? (await renewSession(tx, session.id, refreshTokens)).secret : undefined,
    }
  })
  sessionCache.evict(identity.user.id)
  if (secret) caller.keepSecret(secret)
  return result
}
