import { and, eq } from 'drizzle-orm'
import { type Caller, formerIdentity } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { users } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import type { SignIn } from '../better-auth/better-auth.ts'
import type { Core } from '../core.ts'
import { recordByEmail } from '../events/events.ts'

/** Signs an account in. A session that the caller had before ends. */
export function createLogin({ betterAuth, db, grant, passwords, sessionCache, throttle }: Core) {
  return (input: InputOf<'login'>, caller: Caller) => passwords.admit(() => login(input, caller))

  async function login({ email, password, transport }: InputOf<'login'>, caller: Caller) {
    const { client } = caller
    const formerId = (await formerIdentity(caller))?.session.id
    // Counted while the account is looked up: hashing waits for both, and a refusal takes as long for any account.
    const admitted = throttle.loggingIn(email, client)
    admitted.catch(() => {})
    const attempt = (signIn: SignIn) =>
      betterAuth.signingIn(signIn, () => betterAuth.api.signInEmail({ body: { email, password } }))
    const known = { operation: 'login', email, client, transport, formerId, admitted } as const
    const first: SignIn = { ...known }
    const { user, session, outdatedHash } = await attempt(first)
      // Another login may have brought the hash up to date meanwhile; only the new one can tell.
      .catch((fault: unknown) => {
        if (!first.overtaken) throw fault
        return attempt({ ...known })
      })
      .catch(async (fault: unknown) => {
        if (isFailure(fault) && (await throttle.mayRecord('login_failed', client)))
          await recordByEmail(db, 'login_failed', email, client)
        throw fault
      })
    if (formerId) sessionCache.forget(formerId)
    if (!session) throw new TypeError('Better-Auth made no session')
    // The session is made: where this fails, the next login tries again.
    if (outdatedHash) await rehash(user.id, outdatedHash, password).catch(() => {})
    const signedIn = { user, session, secret: session.secret }
    const endCount = await admitted
    const [payload] = await Promise.all([grant(signedIn, caller), endCount()])
    return payload
  }

  /** Brings the stored hash up to today's parameters, unless the password changed meanwhile. */
  async function rehash(userId: string, outdatedHash: string, password: string) {
    const fresh = await passwords.hash(password)
    await db
      .update(users)
      .set({ password: fresh })
      .where(and(eq(users.id, userId), eq(users.password, outdatedHash)))
  }
}

const isFailure = (fault: unknown) =>
  fault instanceof AuthError && (fault.code === 'INVALID_CREDENTIALS' || fault.code === 'EMAIL_NOT_VERIFIED')
