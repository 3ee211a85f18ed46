import { and, eq } from 'drizzle-orm'
import { type Caller, findIdentity } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { Executor } from '../../db/client.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError, invalid } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { isChangeByAdministrator } from './change-by-administrator.ts'
import { changeEmail } from './email-change.ts'
import { endRegistrationsFromHere } from './end-registrations.ts'
import { createOwnerProof, type OwnerProof } from './owner-proof.ts'
import { passwordRequired } from './reauthentication.ts'
import { concealTakenAddress } from './taken-addresses.ts'
import { voidSetUp } from './void-set-up.ts'

/** What a verification leaves in the browser. */
type Kept = { secret?: string | undefined; deviceToken?: string }

/** Verifies addresses: the one of an account, and the one that is to replace it. */
export function createEmailVerification(dependencies: Dependencies) {
  const { db, mailedTokens, outbox, places, redeemToken, throttle } = dependencies
  const proveOwner = createOwnerProof(dependencies)

  return {
    /** Signed in and without an address: mails the pending address, else the current one. Reveals no account. */
    async requestEmailVerification({ email }: InputOf<'requestEmailVerification'>, caller: Caller) {
      outbox.requireEnabled()
      const { client } = caller
      const identity = await (email ? findIdentity(caller) : caller.identify())
      const recipient = email ?? identity?.user.pendingEmail ?? identity?.user.email
      if (!recipient) throw invalid('email', 'Is required when signed out.')
      if (identity && recipient === identity.user.pendingEmail) {
        const { user, session } = identity
        await throttle.countMailRequest(user.email, client)
        await outbox.add(db, {
          kind: 'email-change',
          recipient,
          userId: user.id,
          sessionId: session.id,
          client,
        })
      } else {
        await throttle.countMailRequest(recipient, client)
        await outbox.add(db, { kind: 'email-verification', recipient, client })
      }
      return true
    },

    /** Verifies the account's address, or changes it to the pending one. Opens no session. */
    async verifyEmail({ token, password }: InputOf<'verifyEmail'>, caller: Caller) {
      await throttle.countMailedToken(token, caller.client)
      const { id: mailId, userId } = await mailedTokens.peek(db, token, 'EMAIL_VERIFICATION')
      const proof = await proveOwner({ userId, mailId }, password, caller)
      const { secret, deviceToken }: Kept = await redeemToken(
        token,
        ['EMAIL_VERIFICATION'],
        async (tx, user, { value }) => {
          await checkProof(tx, user, proof)
          if (user.email === value) return verifyAddress(tx, user, proof, caller)
          if (user.pendingEmail !== value) throw new AuthError('INVALID_TOKEN')
          return confirmChange(tx, user, value, proof, caller)
        },
      ).catch(concealTakenAddress)
      if (secret) caller.keepSecret(secret)
      if (deviceToken) caller.keepDevice(deviceToken)
      return true
    },
  }

  /** Whether the proof still holds, now that the row of the user is locked. */
  async function checkProof(tx: Executor, user: UserRow, proof: OwnerProof) {
    if ('sessionId' in proof) {
      const isLive = and(eq(sessions.id, proof.sessionId), eq(sessions.userId, user.id))
      const [live] = await tx.select({ id: sessions.id }).from(sessions).where(isLive)
      if (!live) throw passwordRequired()
    } else if (proof.registration) {
      // Another way has verified the address in the meantime, and no link activates a registration after that.
      if (user.emailVerified) throw new AuthError('INVALID_TOKEN')
    } else if (proof.passwordHash !== user.password) {
      throw new AuthError('INVALID_CREDENTIALS')
    }
  }

  /** A registration that waited for this verification becomes the account, and no other one can any more. */
  async function verifyAddress(tx: Executor, user: UserRow, proof: OwnerProof, { client }: Caller) {
    const registration = 'registration' in proof ? proof.registration : undefined
    await endRegistrationsFromHere(tx, places, user, client, registration?.password)
    // An account that was used before verification was required may be a stranger's.
    if (registration) await voidSetUp(tx, user)
    const activated = registration && {
      ...registration.profile,
      password: registration.password,
      passwordLockedAt: null,
    }
    await tx
      .update(users)
      .set({ ...activated, emailVerified: true })
      .where(eq(users.id, user.id))
    // The owner signs in from here next, and strangers' failures must not make that wait.
    const deviceToken = await places.add(tx, user.id, client)
    await recordEvent(tx, 'email_verified', user.id, client)
    return { deviceToken }
  }

  async function confirmChange(
    tx: Executor,
    user: UserRow,
    newEmail: string,
    proof: OwnerProof,
    caller: Caller,
  ) {
    const isByAdmin = await isChangeByAdministrator(tx, user, newEmail)
    const keptId = isByAdmin && 'sessionId' in proof ? proof.sessionId : user.pendingSessionId
    const [kept] = keptId ? await tx.select().from(sessions).where(eq(sessions.id, keptId)) : []
    // The change ends with the session that asked for it.
    if (!kept && !isByAdmin) throw new AuthError('INVALID_TOKEN')
    // Only the browser of the session gets the new secret of its cookie.
    const isOwnBrowser = kept && (await findIdentity(caller))?.session.id === kept.id
    const keptSession = kept && { id: kept.id, transport: isOwnBrowser ? kept.transport : ('TOKEN' as const) }
    const change = { user, newEmail, keptSession, client: caller.client, verified: true }
    const { secret } = await changeEmail(tx, dependencies, change)
    return { secret }
  }
}
