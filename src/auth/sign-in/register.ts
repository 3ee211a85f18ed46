import { type Caller, formerIdentity } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { RegisterPayload } from '../../contract/outputs/auth-payload.ts'
import { toUser } from '../../contract/outputs/user.ts'
import { AuthError } from '../../errors.ts'
import type { Core } from '../core.ts'
import { recordByEmail } from '../events/events.ts'
import { endSession } from '../sessions/end-session.ts'

/**
 * Makes an account and signs it in; a session that the caller had before ends. While the address
 * must be verified first nobody is signed in, and a new and a taken address look the same: the
 * owner of a taken one is told by mail.
 */
export function createRegister({
  betterAuth,
  db,
  grant,
  outbox,
  passwords,
  requireEmailVerification,
  sessionCache,
  throttle,
}: Core) {
  return async (input: InputOf<'register'>, caller: Caller) => {
    passwords.refuseShort(input.password, 'password')
    if (requireEmailVerification) outbox.demand()
    return passwords.admit(() => register(input, caller))
  }

  async function register(
    { email, password, username, transport }: InputOf<'register'>,
    caller: Caller,
  ): Promise<RegisterPayload> {
    const { client } = caller
    const formerId = (await formerIdentity(caller))?.session.id
    await throttle.registering(client)
    const mayMail = await throttle.mayMail('verificationMailPerAccount', email, client)
    const passwordHash = await passwords.hash(password)
    const known = { email, client, transport, formerId, mayMail, passwordHash }
    const signUp = { operation: 'register', ...known } as const
    const { user, session, taken } = await betterAuth
      .signingIn(signUp, () =>
        betterAuth.api.signUpEmail({ body: { email, password, name: username ?? '' } }),
      )
      .catch((fault: unknown) => {
        if (isTaken(fault) && requireEmailVerification) return madeUp(email, username ?? null)
        throw fault
      })
    if (taken) await tellOwner(email, mayMail, formerId, caller)
    if (formerId) sessionCache.forget(formerId)
    if (session) return grant({ user, session, secret: session.secret }, caller)
    return {
      user: toUser(user),
      session: null,
      accessToken: null,
      accessTokenExpiresAt: null,
      refreshToken: null,
    }
  }

  /** As many waits for the database as a new account takes, so that the time tells nothing either. */
  async function tellOwner(
    email: string,
    mayMail: boolean,
    formerId: string | undefined,
    { client }: Caller,
  ) {
    // Asked while the transaction begins.
    const asked = throttle.mayRecord('register_taken', client)
    asked.catch(() => {})
    await db.transaction(async (tx) => {
      const mayRecord = await asked
      await Promise.all([
        formerId && endSession(tx, formerId),
        mayRecord && recordByEmail(tx, 'register_taken', email, client),
        mayMail && outbox.promise(tx, { kind: 'address-taken', recipient: email }),
      ])
    })
  }
}

const isTaken = (fault: unknown) => fault instanceof AuthError && fault.code === 'EMAIL_TAKEN'

/** Of two registrations at once the later finds the address taken only when it writes. */
function madeUp(email: string, username: string | null) {
  const now = new Date()
  const user = { id: crypto.randomUUID(), email, emailVerified: false, pendingEmail: null, username }
  return { user: { ...user, createdAt: now, updatedAt: now }, session: undefined, taken: true }
}
