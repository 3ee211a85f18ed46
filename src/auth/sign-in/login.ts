import { type Caller, formerIdentity } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEventByEmail } from '../events/events.ts'
import { isLoginFailure } from '../throttle/throttle.ts'

/** Opens a session for an account. The caller's former session ends. */
export function createLogin({
  betterAuth,
  db,
  issueCredentials,
  passwords,
  sessionCache,
  throttle,
}: Dependencies) {
  return async (input: InputOf<'login'>, caller: Caller) => {
    // Counted before the attempt takes a place at the hashing gate.
    await throttle.countLoginOfNetwork(input.email, caller.client)
    return passwords.admit(caller.client, () => login(input, caller))
  }

  async function login({ email, password, transport }: InputOf<'login'>, caller: Caller) {
    const { client } = caller
    const formerSessionId = (await formerIdentity(caller))?.session.id
    const attempt = { email, password, transport: transport ?? 'COOKIE', client, formerSessionId } as const
    const signedIn = await betterAuth.signIn(attempt).catch(async (fault: unknown) => {
      if (isLoginFailure(fault) && (await throttle.mayRecord('login_failed', client))) {
        await recordEventByEmail(db, 'login_failed', email, client)
      }
      throw fault
    })
    if ('challenge' in signedIn) throw new AuthError('SECOND_FACTOR_REQUIRED', signedIn)
    if (formerSessionId) sessionCache.evict(formerSessionId)
    return issueCredentials(signedIn, caller)
  }
}
