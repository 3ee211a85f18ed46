import { type Caller, formerIdentity } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { Dependencies } from '../dependencies.ts'

/** Opens the session of a sign-in that a second factor completes. The caller's former session ends. */
export function createCompleteLogin({ betterAuth, issueCredentials, sessionCache, throttle }: Dependencies) {
  return async function completeLogin({ challenge, proof }: InputOf<'completeLogin'>, caller: Caller) {
    const { client } = caller
    await throttle.countFactorOfClient(client)
    const formerSessionId = (await formerIdentity(caller))?.session.id
    const signedIn = await betterAuth.completeSignIn({ challenge, proof, client, formerSessionId })
    if (formerSessionId) sessionCache.evict(formerSessionId)
    return issueCredentials(signedIn, caller)
  }
}
