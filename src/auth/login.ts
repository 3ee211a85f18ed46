import { and, eq } from 'drizzle-orm'
import { users } from '../db/schema.ts'
import { type Caller, formerIdentity } from './caller.ts'
import type { Core } from './core.ts'
import { endSession } from './end-session.ts'
import type { LoginInput } from './inputs.ts'

/** Signs an account in. A session that the caller had before ends. */
export function createLogin({ betterAuth, db, grant, passwords }: Core) {
  return (input: LoginInput, caller: Caller) => passwords.admit(() => login(input, caller))

  async function login({ email, password, transport }: LoginInput, caller: Caller) {
    const former = await formerIdentity(caller)
    const signedIn = await betterAuth.signingIn({ client: caller.client, transport }, () =>
      betterAuth.api.signInEmail({ body: { email, password } }),
    )
    if (former) await endSession(db, former.session.id)
    if (signedIn.outdatedHash) await rehash(signedIn.user.id, signedIn.outdatedHash, password)
    return grant(signedIn, caller)
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
