import { and, eq, gt, sql } from 'drizzle-orm'
import { RECOVERY_WAIT_SECONDS } from '../../contract/lifetimes.ts'
import type { Executor } from '../../db/client.ts'
import { secondsFromNow } from '../../db/moments.ts'
import { mailOutbox } from '../../db/schema/mail-outbox.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { param } from '../../db/statements/parameters.ts'
import { recordEvent } from '../events/events.ts'
import { digest } from '../keys/sealed-tokens.ts'
import { endLinks, isPending } from '../mailing/end-tokens.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { endSessions } from '../sessions/end-session.ts'
import type { FactorUse } from './factor-use.ts'
import { voidFactors } from './stored-factors.ts'

/**
 * Starts to replace the lost factors of a locked account. The mailbox gets a notice now, and after the wait a link that
 * completes a sign-in. A recovery that is under way keeps its time, as long as its link can come or is valid.
 * @returns when the wait ends; null if the account has no factor
 */
export async function startFactorRecovery(
  tx: Executor,
  outbox: Outbox,
  user: UserRow,
  record: (kind: 'factor_recovery_started') => Promise<void>,
): Promise<Date | null> {
  const { id, email, secondFactorAt, factorRecoveryAt } = user
  if (!secondFactorAt) return null
  if (factorRecoveryAt && (await canStillComplete(tx, user))) return factorRecoveryAt
  outbox.requireEnabled()
  const [row] = await tx
    .update(users)
    .set({ factorRecoveryAt: secondsFromNow(RECOVERY_WAIT_SECONDS) })
    .where(eq(users.id, id))
    .returning({ endsAt: users.factorRecoveryAt })
  // The link of an earlier recovery must not complete this one.
  await endLinks(tx, id, 'FACTOR_RECOVERY')
  await record('factor_recovery_started')
  await outbox.add(tx, { kind: 'factor-recovery-started', recipient: email, userId: id })
  await outbox.add(tx, {
    kind: 'factor-recovery',
    recipient: email,
    userId: id,
    delaySeconds: RECOVERY_WAIT_SECONDS,
  })
  return row?.endsAt ?? null
}

/** Without a link to the present mailbox, the recovery would block every later one. */
async function canStillComplete(tx: Executor, { id, email }: UserRow) {
  const isLink = and(
    eq(verifications.userId, id),
    eq(verifications.purpose, 'FACTOR_RECOVERY'),
    eq(verifications.value, email),
    gt(verifications.expiresAt, sql`now()`),
  )
  const isMail = and(
    eq(mailOutbox.userId, id),
    isPending('factor-recovery'),
    eq(mailOutbox.recipient, email),
    gt(mailOutbox.expiresAt, sql`now()`),
  )
  return (await tx.$count(verifications, isLink)) + (await tx.$count(mailOutbox, isMail)) > 0
}

/**
 * The mailed link in the place of a factor, after the wait. It removes all factors, and the session that it opens is
 * `aal1`. `holder` is the locked account. The link of a mailbox that the account has left does not count.
 */
export function useRecoveryLink(token: string, outbox: Outbox): FactorUse {
  return {
    uses: deleteLink,
    values: { link: digest(token) },
    amr: [],
    isRecovery: true,
    async onUsed(tx, { id, email }, client, sessionId) {
      await endSessions(tx, id, sessionId)
      await voidFactors(tx, id)
      await recordEvent(tx, 'factors_recovered', id, client)
      await outbox.add(tx, { kind: 'factors-recovered', recipient: email, userId: id })
    },
  }
}

const deleteLink = [
  sql`used as (
    delete from ${verifications} using holder
    where identifier = ${param('link')} and purpose = 'FACTOR_RECOVERY' and user_id = holder.id
      and expires_at > now() and holder.can_recover
      and value = (select email from ${users} where ${users.id} = holder.id)
    returning holder.id
  )`,
]

/** Ends a recovery that a taker may have started: one that was started since then. */
export async function endFactorRecoverySince(tx: Executor, userId: string, since: Date) {
  const startedAt = sql`${users.factorRecoveryAt} - make_interval(secs => ${RECOVERY_WAIT_SECONDS})`
  await tx
    .update(users)
    .set({ factorRecoveryAt: null })
    .where(and(eq(users.id, userId), sql`${startedAt} >= ${since.toISOString()}`))
}

/** Ends a recovery of a locked account: a factor was proven, so it is not lost. */
export async function endFactorRecovery(tx: Executor, { id, factorRecoveryAt }: UserRow) {
  if (factorRecoveryAt) await tx.update(users).set({ factorRecoveryAt: null }).where(eq(users.id, id))
}
