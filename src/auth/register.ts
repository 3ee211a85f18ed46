import { type Caller, formerIdentity } from './caller.ts'
import type { Core } from './core.ts'
import { endSession } from './end-session.ts'
import type { RegisterInput } from './inputs.ts'

/** Makes an account and signs it in. A session that the caller had before ends. */
export function createRegister({ betterAuth, db, grant, passwords }: Core) {
  return (input: RegisterInput, caller: Caller) => passwords.admit(() => register(input, caller))

  async function register({ email, password, username, transport }: RegisterInput, caller: Caller) {
    const former = await formerIdentity(caller)
    const passwordHash = await passwords.hash(password)
    const signedIn = await betterAuth.signingIn({ client: caller.client, transport, passwordHash }, () =>
      betterAuth.api.signUpEmail({ body: { email, password, name: username ?? '' } }),
    )
    if (former) await endSession(db, former.session.id)
    return grant(signedIn, caller)
  }
}
