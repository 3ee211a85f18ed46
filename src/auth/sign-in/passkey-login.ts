import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { Dependencies } from '../dependencies.ts'

/** Signs in with a passkey alone, without an address. Waits after wrong passwords do not apply. */
export function createPasskeyLogin({
  betterAuth,
  ceremonies,
  issueCredentials,
  relyingParty,
  replaceSession,
  throttle,
}: Dependencies) {
  return {
    /** The answer is the same for every client, so it reveals no account. */
    async beginPasskeyLogin(_input: undefined, { client }: Caller) {
      await throttle.countCeremony(client)
      const begun = await ceremonies.begin('PASSKEY_LOGIN')
      return { ...begun, options: { ...(await relyingParty.getOptions(begun.id)) } }
    },

    /** Opens a session at `aal2`. The caller's former session ends. */
    async loginWithPasskey(input: InputOf<'loginWithPasskey'>, caller: Caller) {
      const { ceremony, response, transport } = input
      const signedIn = await replaceSession(caller, (formerSessionId) =>
        betterAuth.signInWithPasskey({
          ceremony,
          response,
          transport: transport ?? 'COOKIE',
          client: caller.client,
          formerSessionId,
        }),
      )
      return issueCredentials(signedIn, caller)
    },
  }
}
