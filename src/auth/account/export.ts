import { and, desc, eq, getTableColumns, ne, or, type SQL, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { type Caller, identityOf } from '../../contract/caller.ts'
import { events } from '../../db/schema/events.ts'
import { challenges, factors, recoveryCodes } from '../../db/schema/factors.ts'
import { mailOutbox } from '../../db/schema/mail-outbox.ts'
import { registrations, verifications } from '../../db/schema/mailed-tokens.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { places } from '../../db/schema/throttle.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { webhookEvents } from '../../db/schema/webhooks.ts'
import type { Dependencies } from '../dependencies.ts'
import { OWN_CLIENT } from '../events/event-log.ts'
import { recordEvent } from '../events/events.ts'
import { requireRecentProof } from '../factors/recent-proof.ts'
import { lockLiveUser } from '../sessions/live-session.ts'

type Section = {
  table: PgTable
  newestFirst: PgColumn
  rows: (user: UserRow) => SQL | undefined
  /** Columns that are left out, each with its reason. */
  without: Record<string, string>
  /** What a column shows instead of its value. */
  instead: Record<string, SQL>
}

const SECRET = 'a secret at rest'
const INTERNAL = 'a position in the database'

/** What an export has, by the name of its section. A test compares it with the tables of the database. */
export const EXPORT_SECTIONS = {
  account: section(users, users.createdAt, ({ id }) => eq(users.id, id), { password: SECRET }),
  sessions: section(sessions, sessions.createdAt, ({ id }) => eq(sessions.userId, id), {
    token: SECRET,
    previousToken: SECRET,
    lineage: SECRET,
  }),
  factors: section(factors, factors.createdAt, ({ id }) => eq(factors.userId, id), { secret: SECRET }),
  recoveryCodes: section(recoveryCodes, recoveryCodes.createdAt, ({ id }) => eq(recoveryCodes.userId, id), {
    hash: SECRET,
  }),
  challenges: section(challenges, challenges.createdAt, ({ id }) => eq(challenges.userId, id), {
    id: SECRET,
    passwordDigest: SECRET,
    secret: SECRET,
  }),
  registrations: section(registrations, registrations.createdAt, ({ id }) => eq(registrations.userId, id), {
    password: SECRET,
  }),
  // The link and the mail of a change that is not confirmed are left out: there are none if the address is taken.
  mailedLinks: section(
    verifications,
    verifications.createdAt,
    ({ id, email }) => {
      const { userId, purpose, value } = verifications
      return and(eq(userId, id), or(ne(purpose, 'EMAIL_VERIFICATION'), eq(value, email)))
    },
    { identifier: SECRET },
  ),
  // A request for a mail names only an address. It may be another person's, until the user has shown whose it is.
  mails: section(
    mailOutbox,
    mailOutbox.createdAt,
    ({ id, email, emailVerified }) =>
      or(
        and(
          eq(mailOutbox.userId, id),
          or(ne(mailOutbox.kind, 'email-change'), eq(mailOutbox.recipient, email)),
        ),
        emailVerified ? sql`${mailOutbox.userId} is null and ${mailOutbox.recipient} = ${email}` : undefined,
      ),
    {},
  ),
  places: section(places, places.seenAt, ({ id }) => eq(places.userId, id), {}),
  webhookEvents: section(webhookEvents, webhookEvents.at, ({ id }) => eq(webhookEvents.userId, id), {
    xid: INTERNAL,
  }),
  events: section(events, events.lastAt, ({ id }) => eq(events.userId, id), {}, OWN_CLIENT),
} satisfies Record<string, Section>

/** @internal Tables that an export does not have, each with its reason. */
export const EXPORT_LEAVES_OUT = {
  jwks: 'keys of the server, about no user',
  servauth_migrations: 'versions of the database, about no user',
  roles: 'what each role allows, about no user; the account has the names of its roles',
  revocations:
    'ids of ended sessions, kept for the lifetime of an access token; the events say why they ended',
  service_keys: 'keys of other services, about no user',
  webhooks: 'receivers of events, about no user',
  webhook_deliveries: 'which receivers have got which of the events in webhookEvents',
  throttle: 'counts of attempts of the last hours, which say nothing that the events do not say',
}

/** Returns everything that is kept about the signed-in user, except secrets. */
export function createExport({ db, throttle }: Pick<Dependencies, 'db' | 'throttle'>) {
  return async function exportMe(_input: undefined, caller: Caller): Promise<Record<string, unknown>> {
    const identity = await identityOf(caller)
    await requireRecentProof(db, identity, identity.user)
    await throttle.countExport(identity.user.id, caller.client)
    return db.transaction(async (tx) => {
      const user = await lockLiveUser(tx, identity)
      await recordEvent(tx, 'account_exported', user.id, caller.client)
      const sections = await Promise.all(
        Object.entries<Section>(EXPORT_SECTIONS).map(
          async ([name, { table, newestFirst, rows, without, instead }]) => {
            const columns = Object.entries(getTableColumns(table)).filter(([column]) => !(column in without))
            const found = tx
              .select({ ...Object.fromEntries(columns), ...instead })
              .from(table)
              .where(rows(user))
            return [name, await found.orderBy(desc(newestFirst))] as const
          },
        ),
      )
      const { account, ...lists } = Object.fromEntries(sections)
      return { exportedAt: new Date(), account: account?.[0], ...lists }
    })
  }
}

function section<Table extends PgTable>(
  table: Table,
  newestFirst: PgColumn,
  rows: Section['rows'],
  without: { [Column in keyof Table['_']['columns']]?: string },
  instead: { [Column in keyof Table['_']['columns']]?: SQL } = {},
): Section {
  return {
    ...{ table, newestFirst, rows },
    without: without as Record<string, string>,
    instead: instead as Record<string, SQL>,
  }
}
