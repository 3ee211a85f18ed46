import { and, desc, eq, gt, sql } from 'drizzle-orm'
import { NO_CLIENT } from '../../contract/caller.ts'
import type { AccountInput } from '../../contract/fields.ts'
import { toUser } from '../../contract/outputs/user.ts'
import type { Db, Executor } from '../../db/client.ts'
import { events, sessions, type UserRow, users } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import { type EventKind, recordEvent } from '../events/events.ts'
import { endMailedTokens } from '../mailing/mailed-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'

const SHOWN_EVENTS = 10

/** What whoever runs the server may do with somebody's account. */
export function createAdministration({ db }: { db: Db }) {
  const isOf = ({ email }: AccountInput) => eq(users.email, email)

  /** Changes a locked account. The lock makes a login under way wait, or be seen here. */
  async function change<T>(account: AccountInput, work: (tx: Executor, user: UserRow) => Promise<T>) {
    return db.transaction(async (tx) => {
      const [user] = await tx.select().from(users).where(isOf(account)).for('update')
      if (!user) throw new AuthError('NOT_FOUND')
      return work(tx, user)
    })
  }

  const note = (tx: Executor, kind: EventKind, { id }: UserRow) => recordEvent(tx, kind, id, NO_CLIENT)

  return {
    /** The account, its live sessions and its latest events, newest first. @throws `NOT_FOUND` */
    async showUser(account: AccountInput) {
      const [user] = await db.select().from(users).where(isOf(account))
      if (!user) throw new AuthError('NOT_FOUND')
      const isLive = and(eq(sessions.userId, user.id), gt(sessions.expiresAt, sql`now()`))
      return {
        user: { ...toUser(user), disabledAt: user.disabledAt },
        sessions: await db.$count(sessions, isLive),
        events: await db
          .select({ kind: events.kind, createdAt: events.createdAt, ipAddress: events.ipAddress })
          .from(events)
          .where(eq(events.userId, user.id))
          .orderBy(desc(events.createdAt), desc(events.id))
          .limit(SHOWN_EVENTS),
      }
    },

    /**
     * Nobody signs in any more, and every session and mailed token ends. The way back from a changed
     * address stays shut until the account is enabled: it is the owner's, against whoever took the account.
     * @returns how many sessions were ended; null where the account was disabled before
     */
    disableUser: (account: AccountInput) =>
      change(account, async (tx, user) => {
        // What is there is ended once more all the same: `disabled_at` may have been set by plain SQL.
        await tx
          .update(users)
          .set({ disabledAt: sql`coalesce(${users.disabledAt}, now())` })
          .where(eq(users.id, user.id))
        const ended = await endSessions(tx, user.id)
        await endMailedTokens(tx, user)
        if (user.disabledAt) return null
        await note(tx, 'account_disabled', user)
        return ended
      }),

    /** The account may be signed in to again; what was ended stays ended. @returns whether it was disabled */
    enableUser: (account: AccountInput) =>
      change(account, async (tx, user) => {
        if (!user.disabledAt) return false
        await tx.update(users).set({ disabledAt: null }).where(eq(users.id, user.id))
        await note(tx, 'account_enabled', user)
        return true
      }),

    /** @returns how many sessions were ended */
    signOutUser: (account: AccountInput) =>
      change(account, async (tx, user) => {
        const ended = await endSessions(tx, user.id)
        if (ended > 0) await note(tx, 'account_signed_out', user)
        return ended
      }),
  }
}
