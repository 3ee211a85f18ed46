import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEventByEmail } from '../events/events.ts'
import { isLoginFailure } from '../throttle/guesses.ts'

/** Opens a session for an account. The caller's former session ends. */
export function createLogin({
  betterAuth,
  db,
  issueCredentials,
  passwords,
  replaceSession,
  throttle,
}: Dependencies) {
  return async (input: InputOf<'login'>, caller: Caller) => {
    // Counted before the attempt takes a slot of the hashing gate.
    await throttle.countLoginOfNetwork(input.email, caller.client)
    return passwords.admit(caller.client, () => login(input, caller))
  }

  async function login({ email, password, transport }: InputOf<'login'>, caller: Caller) {
    const { client } = caller
    const signedIn = await replaceSession(caller, (formerSessionId) =>
      betterAuth.signIn({ email, password, transport: transport ?? 'COOKIE', client, formerSessionId }),
    ).catch(async (fault: unknown) => {
      if (isLoginFailure(fault) && (await throttle.mayRecord('login_failed', client))) {
        await recordEventByEmail(db, 'login_failed', email, client)
      }
      throw fault
    })
    return issueCredentials(signedIn, caller)
  }
}
