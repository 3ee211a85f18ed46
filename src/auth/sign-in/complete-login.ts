import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { Dependencies } from '../dependencies.ts'

/** Opens the session of a sign-in that a second factor completes. The caller's former session ends. */
export function createCompleteLogin({
  betterAuth,
  issueCredentials,
  replaceSession,
  throttle,
}: Dependencies) {
  return async function completeLogin({ challenge, proof }: InputOf<'completeLogin'>, caller: Caller) {
    const { client } = caller
    await throttle.countFactorOfClient(client)
    const signedIn = await replaceSession(caller, (formerSessionId) =>
      betterAuth.completeSignIn({ challenge, proof, client, formerSessionId }),
    )
    return issueCredentials(signedIn, caller)
  }
}
