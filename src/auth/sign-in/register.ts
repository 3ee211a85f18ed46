import type { Caller } from '../../contract/caller.ts'
import { toProfileColumns } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { RegisterPayload } from '../../contract/outputs/auth-payload.ts'
import { toUser } from '../../contract/outputs/user.ts'
import type { Dependencies } from '../dependencies.ts'

/** Creates an account and signs it in, unless its address must be verified first. The caller's former session ends. */
export function createRegister({
  betterAuth,
  issueCredentials,
  languages,
  outbox,
  passwords,
  replaceSession,
  requireEmailVerification,
  throttle,
}: Dependencies) {
  return async (input: InputOf<'register'>, caller: Caller) => {
    passwords.refuseWeak(input.password, 'password')
    if (requireEmailVerification) outbox.requireEnabled()
    // Counted before the attempt takes a place at the hashing gate.
    await throttle.countRegistration(caller.client)
    if (outbox.enabled) await throttle.countMailRequest(input.email, caller.client)
    return passwords.admit(caller.client, () => register(input, caller))
  }

  async function register(
    { email, password, transport, ...profile }: InputOf<'register'>,
    caller: Caller,
  ): Promise<RegisterPayload> {
    const { client } = caller
    const signedUp = await replaceSession(caller, (formerSessionId) =>
      betterAuth.signUp({
        email,
        password,
        profile: {
          ...toProfileColumns(profile),
          locale: profile.locale ?? languages.choose(client.languages),
        },
        transport: transport ?? 'COOKIE',
        client,
        formerSessionId,
      }),
    )
    if (signedUp.session) return issueCredentials(signedUp, caller)
    const noCredentials = { session: null, accessToken: null, accessTokenExpiresAt: null, refreshToken: null }
    return { user: toUser(signedUp.user), ...noCredentials }
  }
}
