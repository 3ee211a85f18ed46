import { isDeepStrictEqual } from 'node:util'
import { eq, sql } from 'drizzle-orm'
import type { Act } from '../../contract/administrator.ts'
import { toClaimObject } from '../../contract/outputs/administration/managed-user.ts'
import { ALL_PERMISSIONS } from '../../contract/permissions.ts'
import type { Executor } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError, invalid } from '../../errors.ts'
import { recordAdministration, toDetails } from '../events/administration-events.ts'
import { startFactorRecovery } from '../factors/factor-recovery.ts'
import { voidFactors } from '../factors/stored-factors.ts'
import { endMailedTokens } from '../mailing/end-tokens.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { endSession, endSessions } from '../sessions/end-session.ts'
import { keepOneAdministrator } from './roles/last-administrator.ts'
import { requireAll } from './roles/user-roles.ts'
import { ENABLED } from './suspension-ends.ts'

/** What an administrator or an operator does to an account. Each function expects that its row was locked. */

/**
 * Ends all sessions and mailed tokens, and refuses new sign-ins. Undo links are kept for the owner, but do not work until
 * the account is enabled again. A suspension loses its end.
 * @returns how many sessions ended
 * @throws `FORBIDDEN` for the last administrator
 */
async function closeAccount(tx: Executor, user: UserRow) {
  if (!user.disabledAt) await keepOneAdministrator(tx, user)
  // Sessions end even if the account was disabled before: an operator may have set `disabled_at` by SQL.
  await tx
    .update(users)
    .set({ disabledAt: sql`coalesce(${users.disabledAt}, now())` })
    .where(eq(users.id, user.id))
  const ended = await endSessions(tx, user.id)
  await endMailedTokens(tx, user)
  return ended
}

/**
 * Disables an account without an end.
 * @returns how many sessions ended; null if this was so before
 * @throws `FORBIDDEN` for the last administrator
 */
export async function disableAccount(tx: Executor, user: UserRow, act: Act) {
  const ended = await closeAccount(tx, user)
  if (user.disabledAt && !user.disabledUntil) return null
  await recordAdministration(tx, 'account_disabled', { userId: user.id }, act)
  return ended
}

/**
 * Disables an account until a time, after which housekeeping enables it.
 * @returns how many sessions ended
 * @throws `INVALID_INPUT`, or `FORBIDDEN` for the last administrator
 */
export const suspendAccount = (until: string) => async (tx: Executor, user: UserRow, act: Act) => {
  const [time] = await tx.execute(sql`select ${until}::timestamptz > now() as "isLater"`)
  if (!time?.isLater) throw invalid('until', 'Must be in the future.')
  const ended = await closeAccount(tx, user)
  // A statement of its own, because the trigger clears it in each that sets `disabled_at`.
  await tx
    .update(users)
    .set({ disabledUntil: new Date(until) })
    .where(eq(users.id, user.id))
  await recordAdministration(tx, 'account_suspended', { userId: user.id, detail: `until ${until}` }, act)
  return ended
}

/**
 * Allows sign-ins again, also of a suspended account. What ended with the account stays ended.
 * @returns whether the account was disabled
 */
export async function enableAccount(tx: Executor, user: UserRow, act: Act) {
  if (!user.disabledAt) return false
  await tx.update(users).set(ENABLED).where(eq(users.id, user.id))
  await recordAdministration(tx, 'account_enabled', { userId: user.id }, act)
  return true
}

/** Ends all sessions. @returns how many */
export async function signOutAccount(tx: Executor, user: UserRow, act: Act) {
  const ended = await endSessions(tx, user.id)
  if (ended > 0) await recordAdministration(tx, 'account_signed_out', { userId: user.id }, act)
  return ended
}

/** Ends one session. @throws `NOT_FOUND` for any id that is no session of the user */
export const endOneSession = (sessionId: string) => async (tx: Executor, user: UserRow, act: Act) => {
  if (!(await endSession(tx, sessionId, { userId: user.id }))) throw new AuthError('NOT_FOUND')
  await recordAdministration(tx, 'session_ended', { userId: user.id, detail: sessionId }, act)
  return true
}

/** Starts to replace lost factors. @returns when the wait ends; null if the account has no factor */
export const recoverFactor = (outbox: Outbox) => (tx: Executor, user: UserRow, act: Act) =>
  startFactorRecovery(tx, outbox, user, (kind) => recordAdministration(tx, kind, { userId: user.id }, act))

/**
 * Removes the factors with which a taker keeps the owner out, and locks the password, which the taker may know. After the
 * account is enabled, the owner resets it. Only while the account is disabled, so that the taker has no session.
 * @returns whether the account had a factor
 * @throws `INVALID_INPUT` if the account is not disabled, or its owner can come back alone
 */
export async function removeFactors(tx: Executor, user: UserRow, act: Act) {
  if (!user.secondFactorAt) return false
  if (!user.disabledAt) throw invalid('', 'Disable the account first, so that its sessions end.')
  // A locked password would also make the account look like an invitation that waits.
  if (!user.emailVerified)
    throw invalid('', 'The mailbox was never proven: a reset of the password removes the factors.')
  await voidFactors(tx, user.id)
  await tx.update(users).set({ passwordLockedAt: sql`now()` }).where(eq(users.id, user.id))
  await recordAdministration(tx, 'factors_recovered', { userId: user.id }, act)
  return true
}

/** With the row the database deletes sessions and tokens. @throws `FORBIDDEN` for the last administrator */
export async function deleteAccount(tx: Executor, user: UserRow, act: Act) {
  await keepOneAdministrator(tx, user)
  await tx.delete(users).where(eq(users.id, user.id))
  await endMailedTokens(tx, user)
  await recordAdministration(tx, 'account_deleted', { userId: user.id }, act)
  return true
}

/**
 * Replaces the claims. Older access tokens are refused as expired. The events have the names, but not the values, which may
 * be about the person.
 * @throws `FORBIDDEN` for the administrator's own account, unless it may do everything
 */
export async function setClaims(tx: Executor, user: UserRow, claims: UserRow['claims'], act: Act) {
  // Other services may read a claim as a permission.
  if (user.id === act.administrator.userId) requireAll(act.administrator, [ALL_PERMISSIONS])
  await tx.update(users).set({ claims }).where(eq(users.id, user.id))
  const before = toClaimObject(user.claims)
  const given = Object.keys(claims).filter((name) => !isDeepStrictEqual(claims[name], before[name]))
  const taken = Object.keys(before).filter((name) => !Object.hasOwn(claims, name))
  const details = toDetails({ given, taken })
  for (const detail of details.length > 0 ? details : [null]) {
    await recordAdministration(tx, 'claims_changed', { userId: user.id, detail }, act)
  }
}
