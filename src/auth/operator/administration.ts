import { and, asc, desc, eq, gt, isNull, sql } from 'drizzle-orm'
import { NO_CLIENT } from '../../contract/caller.ts'
import type { AccountInput } from '../../contract/fields.ts'
import { toUser } from '../../contract/outputs/user.ts'
import { OPERATOR } from '../../contract/permissions.ts'
import type { Db, Executor } from '../../db/client.ts'
import { events, factors, recoveryCodes, sessions, type UserRow, users } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import { disableAccount, enableAccount, signOutAccount } from '../administration/user-changes.ts'
import { setRoles } from '../administration/user-roles.ts'
import { recordAdministration } from '../events/events.ts'
import { startFactorRecovery } from '../factors/factor-recovery.ts'
import type { Outbox } from '../mailing/outbox.ts'

const MAX_SHOWN_EVENTS = 10

/** A command acts for no user and no service. */
const BY_OPERATOR = { administrator: OPERATOR, client: NO_CLIENT }

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

    /** @returns how many sessions ended; null if the account was disabled before */
    disableUser: (account: AccountInput) =>
      changeAccount(account, (tx, user) => disableAccount(tx, user, BY_OPERATOR)),

    /** @returns whether the account was disabled */
    enableUser: (account: AccountInput) =>
      changeAccount(account, (tx, user) => enableAccount(tx, user, BY_OPERATOR)),

    /** @returns how many sessions ended */
    signOutUser: (account: AccountInput) =>
      changeAccount(account, (tx, user) => signOutAccount(tx, user, BY_OPERATOR)),

    /** @returns whether the user did not have the role. @throws `INVALID_INPUT` if there is no such role */
    grantRole: (account: AccountInput, role: string) =>
      changeAccount(account, async (tx, user) => {
        if (user.roles.includes(role)) return false
        await setRoles(tx, user, [...user.roles, role], BY_OPERATOR)
        return true
      }),

    /** @returns whether the user had the role. @throws `FORBIDDEN` for the last administrator */
    revokeRole: (account: AccountInput, role: string) =>
      changeAccount(account, async (tx, user) => {
        if (!user.roles.includes(role)) return false
        await setRoles(
          tx,
          user,
          user.roles.filter((name) => name !== role),
          BY_OPERATOR,
        )
        return true
      }),

    /** Starts to replace lost factors, for a user who asks for help. @returns when the wait ends; null without a factor */
    recoverFactor: (account: AccountInput) =>
      changeAccount(account, (tx, user) =>
        startFactorRecovery(tx, outbox, user, (kind) =>
          recordAdministration(tx, kind, { userId: user.id }, BY_OPERATOR),
        ),
      ),
  }
}
