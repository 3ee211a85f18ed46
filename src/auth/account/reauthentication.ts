import type { Caller, Identity } from '../../contract/caller.ts'
import { FRESHNESS_SECONDS } from '../../contract/lifetimes.ts'
import { AuthError, proofRequired } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { recordProof } from '../factors/recent-proof.ts'

/** Asks for the password again before operations that a stolen session must not be able to do. */
export function createReauthentication({
  db,
  passwords,
  throttle,
}: Pick<Dependencies, 'db' | 'passwords' | 'throttle'>) {
  /** @throws `INVALID_CREDENTIALS`, or `TOO_MANY_REQUESTS` */
  async function verifyPassword({ user, session }: Identity, password: string, caller: Caller) {
    await throttle.countReauthentication(session.id, caller)
    const isRight = await passwords.verify(user.password, password)
    // A locked password proves nothing. A session can be open beside it: that of a passkey.
    if (!isRight || user.passwordLockedAt) {
      await recordEvent(db, 'reauthentication_failed', user.id, caller.client)
      throw new AuthError('INVALID_CREDENTIALS')
    }
  }

  /** The same, and makes the session fresh, unless a factor counts there. */
  async function checkPassword(identity: Identity, password: string, caller: Caller) {
    await verifyPassword(identity, password, caller)
    await recordProof(db, identity.session, ['pwd'], false)
  }

  return {
    verifyPassword,
    checkPassword,

    /**
     * Checks the password if there is one, even if the session is fresh. A bearer is never fresh: other services see it.
     * @throws `INVALID_CREDENTIALS`, or `REAUTHENTICATION_REQUIRED` if required and neither is there
     */
    async checkPasswordOrFreshness(
      identity: Identity,
      password: string | null | undefined,
      isRequired: boolean,
      caller: Caller,
    ) {
      if (password) await passwords.admit(caller.client, () => checkPassword(identity, password, caller))
      else if (isRequired && (!identity.fresh || caller.bearer !== null)) throw passwordRequired()
    },
  }
}

/** The refusal of an operation that the password allows. */
export function passwordRequired() {
  return proofRequired({ acr: 'aal1', maxAge: FRESHNESS_SECONDS, methods: ['password'] })
}
