import { type Caller, formerIdentity } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { AuthError } from '../../errors.ts'
import type { Core } from '../core.ts'
import { recordEventByEmail } from '../events/events.ts'

/** Signs an account in. A session that the caller had before ends. */
export function createLogin({ betterAuth, db, grant, passwords, sessionCache, throttle }: Core) {
  return (input: InputOf<'login'>, caller: Caller) => passwords.admit(() => login(input, caller))

  async function login({ email, password, transport }: InputOf<'login'>, caller: Caller) {
    const { client } = caller
    const formerId = (await formerIdentity(caller))?.session.id
    const body = { email, password, transport: transport ?? 'COOKIE', client, formerId } as const
    const signedIn = await betterAuth.api.signIn({ body }).catch(async (fault: unknown) => {
      if (isFailure(fault) && (await throttle.mayRecord('login_failed', client))) {
        await recordEventByEmail(db, 'login_failed', email, client)
      }
      throw fault
    })
    if (formerId) sessionCache.evict(formerId)
    return grant(signedIn, caller)
  }
}

const isFailure = (fault: unknown) =>
  fault instanceof AuthError && (fault.code === 'INVALID_CREDENTIALS' || fault.code === 'EMAIL_NOT_VERIFIED')
