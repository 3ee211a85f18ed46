import { eq } from 'drizzle-orm'
import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import type { TokenPurpose } from '../mailing/mailed-tokens.ts'
import { createPasswordByLink } from '../passwords/password-by-link.ts'
import { endRegistrationsFromHere } from './end-registrations.ts'
import { voidSetUp } from './void-set-up.ts'

const PURPOSES: TokenPurpose[] = ['INVITATION']

/** Sets the first password of an account that an administrator has created. A token stays valid if the password is refused. */
export function createAcceptInvitation(dependencies: Dependencies) {
  const { places, redeemToken } = dependencies
  const hashByLink = createPasswordByLink(dependencies)

  return async function acceptInvitation({ token, password }: InputOf<'acceptInvitation'>, caller: Caller) {
    const { client } = caller
    const sent = { token, purposes: PURPOSES, password, path: 'password' }
    const { email, passwordHash } = await hashByLink(sent, client)
    const deviceToken = await redeemToken(token, PURPOSES, async (tx, user) => {
      if (user.email !== email || user.emailVerified) throw new AuthError('INVALID_TOKEN')
      await endRegistrationsFromHere(tx, places, user, client)
      await voidSetUp(tx, user)
      await tx
        .update(users)
        // The administrator has chosen the name.
        .set({ password: passwordHash, passwordLockedAt: null, emailVerified: true, username: user.username })
        .where(eq(users.id, user.id))
      await recordEvent(tx, 'invitation_accepted', user.id, client)
      return places.add(tx, user.id, client)
    })
    caller.keepDevice(deviceToken)
    return true
  }
}
