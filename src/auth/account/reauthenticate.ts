import { eq, sql } from 'drizzle-orm'
import type { Caller, Identity } from '../../contract/caller.ts'
import { sessions } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import type { Core } from '../core.ts'
import { recordEvent } from '../events/events.ts'

/** Asks again who is there, before something that a borrowed session should not do. */
export function createReauthenticate({
  db,
  passwords,
  throttle,
}: Pick<Core, 'db' | 'passwords' | 'throttle'>) {
  return {
    /** @throws `INVALID_CREDENTIALS`, or `TOO_MANY_REQUESTS` */
    async byPassword({ user, session }: Identity, password: string, { client }: Caller) {
      await throttle.countReauthentication(session.id, client)
      if (!(await passwords.verify(user.password, password))) {
        await recordEvent(db, 'reauthentication_failed', user.id, client)
        throw new AuthError('INVALID_CREDENTIALS')
      }
      await db.update(sessions).set({ authenticatedAt: sql`now()` }).where(eq(sessions.id, session.id))
    },

    /**
     * A password that is given is checked, also where a fresh session would do.
     * @throws `INVALID_CREDENTIALS`, or `REAUTHENTICATION_REQUIRED` when nothing is given and `needed`
     */
    async byPasswordOrFreshness(
      identity: Identity,
      password: string | null | undefined,
      needed: boolean,
      caller: Caller,
    ) {
      if (password) await passwords.admit(() => this.byPassword(identity, password, caller))
      else if (needed && !identity.fresh) throw new AuthError('REAUTHENTICATION_REQUIRED')
    },
  }
}
