import { eq, sql } from 'drizzle-orm'
import { type Caller, type Identity, identityOf, type Viewer } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { toUser } from '../../contract/outputs/user.ts'
import { type Executor, isUniqueViolation } from '../../db/client.ts'
import { sessions, type UserRow, users } from '../../db/schema.ts'
import { AuthError, unauthenticated } from '../../errors.ts'
import type { Core } from '../core.ts'
import { recordEvent } from '../events/events.ts'
import { endMailedTokens } from '../mailing/mailed-tokens.ts'
import { changeEmail, isTaken } from './email-change.ts'
import { createReauthenticate } from './reauthenticate.ts'

/** The signed-in user's own account: read, change and delete it. */
export function createProfile(core: Core) {
  const { db, outbox, requireEmailVerification, sessionCache, throttle } = core
  const reauthenticate = createReauthenticate(core)

  return {
    /** Null if the request has no credentials; invalid ones are an error. */
    me(_input: undefined, caller: Caller) {
      const userOf = (viewer: Viewer | null) => viewer?.user ?? null
      const viewer = caller.view()
      // A cached viewer is returned without a promise, so that GraphQL executes synchronously.
      return viewer instanceof Promise ? viewer.then(userOf) : userOf(viewer)
    },

    /**
     * A new address needs a fresh session or the password. Where the account's address is verified
     * the new one waits until its mailbox confirms it; else it takes effect at once.
     */
    async updateMe({ email, currentPassword, ...profile }: InputOf<'updateMe'>, caller: Caller) {
      const identity = await identityOf(caller)
      const { user } = identity
      const newEmail = email && email !== user.email ? email : undefined
      const cancels = email === user.email && user.pendingEmail !== null
      await reauthenticate.byPasswordOrFreshness(identity, currentPassword, newEmail !== undefined, caller)
      if (newEmail) await throttle.countEmailChange(user.id, caller.client)
      const mayMail =
        newEmail !== undefined &&
        (await throttle.mayRequestMail('verificationMailPerAccount', newEmail, caller.client))

      const { row, secret } = await db
        .transaction(async (tx) => {
          const current = await lockActing(tx, identity)
          const waits = current.emailVerified || requireEmailVerification
          if (newEmail && waits) outbox.requireEnabled()
          const row = await setProfile(tx, current, profile)
          // One's own address takes back a change that waits.
          if (cancels) await endMailedTokens(tx, current)
          if (!newEmail) return { row: cancels ? { ...row, pendingEmail: null } : row, secret: undefined }
          if (waits) return awaitConfirmation(tx, identity, newEmail, mayMail, caller)
          return changeEmail(tx, core, {
            user: current,
            newEmail,
            keep: identity.session,
            client: caller.client,
            mayMail,
          })
        })
        .catch((fault: unknown) => {
          throw isUniqueViolation(fault) ? new AuthError('EMAIL_TAKEN', { cause: fault }) : fault
        })
      sessionCache.evict(user.id)
      if (secret) caller.keepSecret(secret)
      return toUser(row)
    },

    /** Needs a fresh session or the password. Sessions and everything else of the user go with the row. */
    async deleteMe({ password }: InputOf<'deleteMe'>, caller: Caller) {
      const identity = await identityOf(caller)
      await reauthenticate.byPasswordOrFreshness(identity, password, true, caller)
      await db.transaction(async (tx) => {
        const gone = await lockActing(tx, identity)
        await tx.delete(users).where(eq(users.id, gone.id))
        await endMailedTokens(tx, gone)
        await recordEvent(tx, 'account_deleted', gone.id, caller.client)
      })
      sessionCache.evict(identity.user.id)
      caller.forgetSecret()
      return true
    },
  }

  /** A field that is left out stays as it is; null clears it. */
  async function setProfile(
    tx: Executor,
    { id }: UserRow,
    profile: Omit<InputOf<'updateMe'>, 'email' | 'currentPassword'>,
  ) {
    const [row] = await tx
      .update(users)
      .set({ ...profile, updatedAt: sql`now()` })
      .where(eq(users.id, id))
      .returning()
    if (!row) throw unauthenticated('REVOKED')
    return row
  }

  /** Whether the address is free is not told here, and found out again when it is confirmed. */
  async function awaitConfirmation(
    tx: Executor,
    { user, session }: Identity,
    pendingEmail: string,
    mayMail: boolean,
    { client }: Caller,
  ) {
    const taken = await isTaken(tx, pendingEmail, user.id)
    const [row] = await tx.update(users).set({ pendingEmail }).where(eq(users.id, user.id)).returning()
    if (!row) throw unauthenticated('REVOKED')
    const kind = taken ? 'address-taken' : 'email-change'
    const mail = { kind, recipient: pendingEmail, userId: user.id, sessionId: session.id } as const
    if (mayMail) await outbox.add(tx, mail)
    await recordEvent(tx, 'email_change_requested', user.id, client)
    return { row, secret: undefined }
  }

  /**
   * Credentials were proven before; what they allow to write must hold at the moment of writing. Two
   * statements: one that had waited for the lock would look for the session in its old snapshot.
   */
  async function lockActing(tx: Executor, { user, session }: Identity) {
    const [current] = await tx.select().from(users).where(eq(users.id, user.id)).for('update')
    const [live] = await tx.select({ id: sessions.id }).from(sessions).where(eq(sessions.id, session.id))
    if (!current || !live) throw unauthenticated('REVOKED')
    return current
  }
}
