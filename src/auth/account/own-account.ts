import { eq, sql } from 'drizzle-orm'
import { type Caller, type Identity, identityOf, type Viewer } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { toUser } from '../../contract/outputs/user.ts'
import type { Executor } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { createRandomId } from '../../db/uuid.ts'
import { unauthenticated } from '../../errors.ts'
import { keepOneAdministrator } from '../administration/roles/last-administrator.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { requireRecentProof } from '../factors/recent-proof.ts'
import { endMailedTokens, endPendingChange } from '../mailing/end-tokens.ts'
import { lockLiveUser } from '../sessions/live-session.ts'
import { changeEmail } from './email-change.ts'
import { createReauthentication } from './reauthentication.ts'
import { isEmailTaken, refuseTakenAddress } from './taken-addresses.ts'

/** @property secret of the session, if the change has renewed it */
type ChangedUser = { row: UserRow; secret?: string | undefined }

/** Reads, changes and deletes the signed-in user's own account. */
export function createOwnAccount(dependencies: Dependencies) {
  const { db, mailedTokens, outbox, requireEmailVerification, sessionCache, throttle } = dependencies
  const reauthentication = createReauthentication(dependencies)

  return {
    /** Null if the request has no credentials; invalid ones are an error. */
    me(_input: undefined, caller: Caller) {
      const userOf = (viewer: Viewer | null) => viewer?.user ?? null
      const viewer = caller.view()
      // A cached viewer is returned without a promise, so that GraphQL executes synchronously.
      return viewer instanceof Promise ? viewer.then(userOf) : userOf(viewer)
    },

    /**
     * A new address needs the password, or the cookie of a fresh session. It takes effect when its mailbox confirms it. If
     * the current address is not verified and need not be, it takes effect immediately; then an account with factors
     * needs a recent one.
     */
    async updateMe({ email, currentPassword, ...profile }: InputOf<'updateMe'>, caller: Caller) {
      const identity = await identityOf(caller)
      const { user } = identity
      const newEmail = email && email !== user.email ? email : undefined
      const isCancelled = email === user.email && user.pendingEmail !== null
      await reauthentication.checkPasswordOrFreshness(
        identity,
        currentPassword,
        newEmail !== undefined,
        caller,
      )
      if (newEmail) await throttle.countEmailChange(user.id, caller.client)
      if (newEmail && outbox.enabled) await throttle.countMailRequest(user.email, caller.client)

      const { row, secret }: ChangedUser = await db
        .transaction(async (tx) => {
          const current = await lockLiveUser(tx, identity)
          const needsConfirmation = current.emailVerified || requireEmailVerification
          if (newEmail && needsConfirmation) outbox.requireEnabled()
          const row = await setProfile(tx, current, profile)
          // Setting the current address again cancels a pending change.
          if (isCancelled) await endPendingChange(tx, current)
          if (!newEmail) return { row: isCancelled ? { ...row, pendingEmail: null } : row }
          if (needsConfirmation) return { row: await setPendingEmail(tx, identity, newEmail, caller) }
          // The first proof of a mailbox voids the factors, so a new mailbox takes a factor, as each change of factors does.
          if (current.secondFactorAt) await requireRecentProof(tx, identity, current)
          return changeEmail(tx, dependencies, {
            user: current,
            newEmail,
            keptSession: identity.session,
            client: caller.client,
          })
        })
        .catch(refuseTakenAddress)
      sessionCache.evict(user.id)
      if (secret) caller.keepSecret(secret)
      return toUser(row)
    },

    /** Needs the password, or the cookie of a fresh session. With the row the database deletes sessions and tokens. */
    async deleteMe({ password }: InputOf<'deleteMe'>, caller: Caller) {
      const identity = await identityOf(caller)
      await reauthentication.checkPasswordOrFreshness(identity, password, true, caller)
      await db.transaction(async (tx) => {
        const user = await lockLiveUser(tx, identity)
        await keepOneAdministrator(tx, user)
        await tx.delete(users).where(eq(users.id, user.id))
        await endMailedTokens(tx, user)
        await recordEvent(tx, 'account_deleted', user.id, caller.client)
        await reportDeletion(tx, user, caller)
      })
      sessionCache.evict(identity.user.id)
      caller.forgetAll()
      return true
    },
  }

  /**
   * A taker may have deleted the account, and then the notice of the sign-in is not sent any more. A mailbox that is not
   * proven may be that of another person.
   */
  async function reportDeletion(tx: Executor, { email, emailVerified, locale }: UserRow, { client }: Caller) {
    if (emailVerified) await outbox.add(tx, { kind: 'account-deleted', recipient: email, client, locale })
  }

  /** Omitted fields stay unchanged. Null clears a field. */
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

  /** Does not reveal whether the address is taken. The confirmation checks it again. */
  async function setPendingEmail(
    tx: Executor,
    { user, session }: Identity,
    pendingEmail: string,
    { client }: Caller,
  ) {
    const isTaken = await isEmailTaken(tx, pendingEmail, user.id, 'PROOF')
    const [row] = await tx
      .update(users)
      .set({ pendingEmail, pendingSessionId: session.id })
      .where(eq(users.id, user.id))
      .returning()
    if (!row) throw unauthenticated('REVOKED')
    // The notice is about the owner of the address, so it is joined with those that other accounts cause.
    const mail = isTaken
      ? ({ kind: 'address-taken', client } as const)
      : ({ kind: 'email-change', userId: user.id, sessionId: session.id } as const)
    await outbox.add(tx, { ...mail, recipient: pendingEmail })
    // The present mailbox gets a link that cancels the change. No link that confirms the change outlives it.
    const notice = { id: createRandomId(), userId: user.id, sessionId: session.id }
    await outbox.add(tx, { kind: 'email-change-requested', recipient: user.email, ...notice })
    await mailedTokens.store(tx, { ...notice, purpose: 'EMAIL_CHANGE_CANCEL', value: user.email })
    await recordEvent(tx, 'email_change_requested', user.id, client)
    return row
  }
}
