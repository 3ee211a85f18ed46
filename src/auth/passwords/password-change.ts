import { and, eq, getTableColumns } from 'drizzle-orm'
import { type Caller, identityOf } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { refusePersonal } from '../../contract/password.ts'
import { users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { createReauthentication } from '../account/reauthentication.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { secondsSinceClaims } from '../keys/token-claims.ts'
import { endMailedTokens } from '../mailing/end-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'
import { renewSession } from '../sessions/renew-session.ts'

/** Sets a new password with the old one. */
export function createPasswordChange(dependencies: Dependencies) {
  const { db, issueCredentials, outbox, passwords, refreshTokens, sessionCache, throttle } = dependencies
  const reauthentication = createReauthentication(dependencies)

  return {
    /** The current session gets a new secret. All other sessions and all mailed tokens end. */
    async changePassword({ currentPassword, newPassword }: InputOf<'changePassword'>, caller: Caller) {
      passwords.refuseWeak(newPassword, 'newPassword')
      const identity = await identityOf(caller)
      const { user, session } = identity
      refusePersonal(newPassword, user.email)
      const hash = await passwords.admit(caller.client, async () => {
        await reauthentication.checkPassword(identity, currentPassword, caller)
        // After the password is proven, so that no other client uses up the changes of the owner.
        await throttle.countPasswordChange(user.id, caller.client)
        return passwords.hash(newPassword)
      })
      const changed = await db.transaction(async (tx) => {
        // Before the password: it locks the user more strongly, and a lock that grows could deadlock.
        await endSessions(tx, user.id, session.id)
        // Fails if another request changed the password in the meantime.
        const isCurrent = and(eq(users.id, user.id), eq(users.password, user.password))
        const [row] = await tx
          .update(users)
          .set({ password: hash })
          .where(isCurrent)
          .returning({ ...getTableColumns(users), secondsSinceClaims })
        if (!row) throw new AuthError('INVALID_CREDENTIALS')
        const renewed = await renewSession(tx, session.id, refreshTokens)
        await endMailedTokens(tx, row)
        await recordEvent(tx, 'password_changed', user.id, caller.client)
        await outbox.add(tx, { kind: 'password-changed', recipient: row.email, userId: user.id })
        return { user: row, ...renewed }
      })
      sessionCache.evict(user.id)
      return issueCredentials(changed, caller)
    },
  }
}
