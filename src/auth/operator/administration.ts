import { and, asc, desc, eq, gt, isNull, sql } from 'drizzle-orm'
import { NO_CLIENT } from '../../contract/caller.ts'
import type { AccountInput } from '../../contract/fields.ts'
import { toUser } from '../../contract/outputs/user.ts'
import type { Db, Executor } from '../../db/client.ts'
import { events, factors, recoveryCodes, sessions, type UserRow, users } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import { type EventKind, recordEvent } from '../events/events.ts'
import { startFactorRecovery } from '../factors/factor-recovery.ts'
import { endMailedTokens } from '../mailing/mailed-tokens.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { endSessions } from '../sessions/end-session.ts'

const MAX_SHOWN_EVENTS = 10

/** What an operator can do with an account. */
export function createAdministration({ db, outbox }: { db: Db; outbox: Outbox }) {
  const hasEmail = ({ email }: AccountInput) => eq(users.email, email)

  /** Locks an account and changes it. A concurrent login either waits, or its session is already visible here. */
  async function changeAccount<T>(account: AccountInput, work: (tx: Executor, user: UserRow) => Promise<T>) {
    return db.transaction(async (tx) => {
      const [user] = await tx.select().from(users).where(hasEmail(account)).for('update')
      if (!user) throw new AuthError('NOT_FOUND')
      return work(tx, user)
    })
  }

  const recordChange = (tx: Executor, kind: EventKind, { id }: UserRow) =>
    recordEvent(tx, kind, id, NO_CLIENT)

  return {
    /** Reads an account, the number of its live sessions, and its latest events. @throws `NOT_FOUND` */
    async showUser(account: AccountInput) {
      const [user] = await db.select().from(users).where(hasEmail(account))
      if (!user) throw new AuthError('NOT_FOUND')
      const isLive = and(eq(sessions.userId, user.id), gt(sessions.expiresAt, sql`now()`))
      return {
        user: { ...toUser(user), disabledAt: user.disabledAt, factorRecoveryAt: user.factorRecoveryAt },
        sessions: await db.$count(sessions, isLive),
        factors: await db
          .select({ kind: factors.kind, createdAt: factors.createdAt, lastUsedAt: factors.lastUsedAt })
          .from(factors)
          .where(and(eq(factors.userId, user.id), isNull(factors.removedAt)))
          .orderBy(asc(factors.createdAt)),
        recoveryCodes: await db.$count(recoveryCodes, eq(recoveryCodes.userId, user.id)),
        events: await db
          .select({ kind: events.kind, lastAt: events.lastAt, ipAddress: events.ipAddress })
          .from(events)
          .where(eq(events.userId, user.id))
          .orderBy(desc(events.lastAt), desc(events.id))
          .limit(MAX_SHOWN_EVENTS),
      }
    },

    /**
     * Ends all sessions and mailed tokens, and refuses new sign-ins. Undo links are kept for the owner, but do not work
     * until the account is enabled again.
     * @returns how many sessions ended; null if the account was disabled before
     */
    disableUser: (account: AccountInput) =>
      changeAccount(account, async (tx, user) => {
        // Sessions end even if the account was disabled before: an operator may have set `disabled_at` by SQL.
        await tx
          .update(users)
          .set({ disabledAt: sql`coalesce(${users.disabledAt}, now())` })
          .where(eq(users.id, user.id))
        const ended = await endSessions(tx, user.id)
        await endMailedTokens(tx, user)
        if (user.disabledAt) return null
        await recordChange(tx, 'account_disabled', user)
        return ended
      }),

    /** Allows sign-ins again. Ended sessions stay ended. @returns whether the account was disabled */
    enableUser: (account: AccountInput) =>
      changeAccount(account, async (tx, user) => {
        if (!user.disabledAt) return false
        await tx.update(users).set({ disabledAt: null }).where(eq(users.id, user.id))
        await recordChange(tx, 'account_enabled', user)
        return true
      }),

    /** Ends all sessions. @returns how many */
    signOutUser: (account: AccountInput) =>
      changeAccount(account, async (tx, user) => {
        const ended = await endSessions(tx, user.id)
        if (ended > 0) await recordChange(tx, 'account_signed_out', user)
        return ended
      }),

    /** Starts to replace lost factors, for a user who asks for help. @returns when the wait ends; null without a factor */
    recoverFactor: (account: AccountInput) =>
      changeAccount(account, (tx, user) => startFactorRecovery(tx, outbox, user, NO_CLIENT)),
  }
}
