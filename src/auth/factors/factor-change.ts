import { eq, sql } from 'drizzle-orm'
import type { Client, Identity } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { challenges, sessions, type UserRow } from '../../db/schema.ts'
import type { MailKind } from '../../mail/templates.ts'
import type { Dependencies } from '../dependencies.ts'
import { type EventKind, recordEvent } from '../events/events.ts'
import { endMailedTokens } from '../mailing/mailed-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'
import { renewSession } from '../sessions/renew-session.ts'

type FactorChange = {
  user: UserRow
  identity: Identity
  /** The methods that the change itself has proven, such as the first code of a new factor. */
  provenBy?: string[]
  event: EventKind
  notice: MailKind
  client: Client
}

/**
 * What every change of the factors of a locked account does: other sessions, mailed tokens and begun sign-ins end, this
 * session gets a new secret, the event is recorded and the mailbox gets a notice.
 * @returns the new secret. Undefined for transport `TOKEN`: the answer cannot carry it, so the session keeps its own
 */
export async function completeFactorChange(
  tx: Executor,
  { outbox, refreshTokens }: Pick<Dependencies, 'outbox' | 'refreshTokens'>,
  { user, identity: { session }, provenBy = [], event, notice, client }: FactorChange,
) {
  await endSessions(tx, user.id, session.id)
  await endMailedTokens(tx, user)
  await tx.delete(challenges).where(eq(challenges.userId, user.id))
  if (provenBy.length > 0) await recordProof(tx, session, provenBy)
  await recordEvent(tx, event, user.id, client)
  await outbox.add(tx, { kind: notice, recipient: user.email, userId: user.id })
  return session.transport === 'COOKIE' ? renewSession(tx, session.id, refreshTokens) : undefined
}

/** Records in a session that a factor was proven now. */
export async function recordProof(
  tx: Executor,
  { id, amr }: { id: string; amr: string },
  provenBy: string[],
) {
  const methods = [...new Set([...amr.split(' '), ...provenBy])].join(' ')
  await tx
    .update(sessions)
    .set({ authenticatedAt: sql`now()`, factorAt: sql`now()`, amr: methods })
    .where(eq(sessions.id, id))
}
