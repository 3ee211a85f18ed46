import { eq } from 'drizzle-orm'
import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { refusePersonal } from '../../contract/password.ts'
import { users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { voidSetUp } from './set-up.ts'
import { endRegistrationsFromHere } from './verified-registrations.ts'

/** Sets the first password of an account that an administrator has created. A token stays valid if the password is refused. */
export function createAcceptInvitation({
  db,
  mailedTokens,
  passwords,
  places,
  redeemToken,
  throttle,
}: Dependencies) {
  return async function acceptInvitation({ token, password }: InputOf<'acceptInvitation'>, caller: Caller) {
    const { client } = caller
    passwords.refuseWeak(password, 'password')
    await throttle.countMailedToken(token, client)
    const { value: email } = await mailedTokens.peek(db, token, 'INVITATION')
    refusePersonal(password, email, 'password')
    const hash = await passwords.admit(client, () => passwords.hash(password))
    const deviceToken = await redeemToken(token, ['INVITATION'], async (tx, user) => {
      if (user.email !== email || user.emailVerified) throw new AuthError('INVALID_TOKEN')
      await endRegistrationsFromHere(tx, places, user, client)
      await voidSetUp(tx, user)
      await tx
        .update(users)
        // The administrator has chosen the name.
        .set({ password: hash, passwordLockedAt: null, emailVerified: true, username: user.username })
        .where(eq(users.id, user.id))
      await recordEvent(tx, 'invitation_accepted', user.id, client)
      return places.add(tx, user.id, client)
    })
    caller.keepDevice(deviceToken)
    return true
  }
}
