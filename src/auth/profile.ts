import { and, eq, exists, ne, sql } from 'drizzle-orm'
import { isUniqueViolation } from '../db/client.ts'
import { sessions, users } from '../db/schema.ts'
import { AuthError, unauthenticated } from '../errors.ts'
import { type Caller, type Identity, identityOf } from './caller.ts'
import type { Core } from './core.ts'
import type { DeleteMeInput, UpdateMeInput } from './inputs.ts'
import { digest } from './refresh-tokens.ts'
import { toUser } from './user.ts'

/** The signed-in user's own account: read, change and delete it. */
export function createProfile({ db, passwords, refreshTokens }: Core) {
  return {
    /** Null when the request carries no credentials; bad ones are an error. */
    async me(caller: Caller) {
      const identity = await caller.identify()
      return identity && toUser(identity.user)
    },

    /** A new address needs a fresh session or the password, and ends all other sessions. */
    async updateMe({ username, email, currentPassword }: UpdateMeInput, caller: Caller) {
      const identity = await identityOf(caller)
      const { user, session } = identity
      const newEmail = email && email !== user.email ? email : undefined
      await reauthenticate(identity, currentPassword, newEmail !== undefined)

      const renewed = newEmail && session.transport === 'COOKIE' ? refreshTokens.begin(session.id) : undefined
      const changed = await db
        .transaction(async (tx) => {
          const [row] = await tx
            .update(users)
            .set({
              ...(username !== undefined && { username }),
              ...(newEmail && { email: newEmail, emailVerified: false, pendingEmail: null }),
              updatedAt: sql`now()`,
            })
            .where(and(eq(users.id, user.id), isLive(session)))
            .returning()
          if (!row) throw unauthenticated('REVOKED')
          if (newEmail) {
            await tx.delete(sessions).where(and(eq(sessions.userId, user.id), ne(sessions.id, session.id)))
          }
          // The answer has no place for a token: a TOKEN session keeps its secret and rotates in its turn.
          if (renewed) {
            const { lineage, token } = renewed
            await tx
              .update(sessions)
              .set({ lineage, token: digest(token), previousToken: null, rotatedAt: null })
              .where(eq(sessions.id, session.id))
          }
          return row
        })
        .catch((fault: unknown) => {
          throw isUniqueViolation(fault) ? new AuthError('EMAIL_TAKEN', { cause: fault }) : fault
        })
      if (renewed) caller.keepSecret(renewed.token)
      return toUser(changed)
    },

    /** Needs a fresh session or the password. Sessions and everything else of the user go with the row. */
    async deleteMe({ password }: DeleteMeInput, caller: Caller) {
      const identity = await identityOf(caller)
      await reauthenticate(identity, password, true)
      const gone = await db
        .delete(users)
        .where(and(eq(users.id, identity.user.id), isLive(identity.session)))
        .returning({ id: users.id })
      if (gone.length === 0) throw unauthenticated('REVOKED')
      caller.forgetSecret()
      return true
    },
  }

  /** Credentials were proven before; what they allow to write must hold at the moment of writing. */
  function isLive({ id }: { id: string }) {
    return exists(db.select({ id: sessions.id }).from(sessions).where(eq(sessions.id, id)))
  }

  /** A password that is given is checked, also where a fresh session would do; a right one makes it fresh. */
  async function reauthenticate(
    { user, session, fresh }: Identity,
    password: string | null | undefined,
    needed: boolean,
  ) {
    if (password) {
      const right = await passwords.admit(() => passwords.verify(user.password, password))
      if (!right) throw new AuthError('INVALID_CREDENTIALS')
      await db.update(sessions).set({ authenticatedAt: sql`now()` }).where(eq(sessions.id, session.id))
    } else if (needed && !fresh) {
      throw new AuthError('REAUTHENTICATION_REQUIRED')
    }
  }
}
