import { sql } from 'drizzle-orm'
import { NO_CLIENT } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { events } from '../../db/schema/events.ts'
import { factors } from '../../db/schema/factors.ts'
import { users } from '../../db/schema/users.ts'
import { toLanguageTag } from '../../settings/kinds/language.ts'
import { toEventValues } from '../events/events.ts'
import { MAX_AUTHENTICATORS } from '../factors/enrollment.ts'
import type { Encryption } from '../keys/encryption.ts'
import type { ForeignAccount } from './foreign-account.ts'

export type NewAccount = {
  id: string
  email: string
  username: string | null
  /** As it is stored. */
  password: string
  /** The hash as it was read. Null if there is none. */
  hash: string | null
  account: ForeignAccount
}

/**
 * Inserts accounts with their factors and events, in one statement: a list of values would take longer to build than to
 * insert. In the order of ids, and with ids of events that grow, neighbours go to the same pages of indexes.
 * @returns the ids of those that were not inserted, because something else has their address or id
 */
export async function insertAccounts(executor: Executor, encryption: Encryption, accounts: NewAccount[]) {
  const rows = accounts.map(({ id, email, username, password, hash, account }) => ({
    ...{ id, email, username, password, locked: hash === null },
    verified: account.emailVerified,
    disabled: account.banned,
    created: account.createdAt,
    updated: account.updatedAt,
    locale: account.locale === null ? null : toLanguageTag(account.locale.replaceAll('_', '-')),
    ...{ roles: account.roles, claims: account.claims, event: Bun.randomUUIDv7() },
  }))
  const keys = accounts.flatMap(({ id, account }) =>
    account.totpKeys
      .slice(0, MAX_AUTHENTICATORS)
      .map((key) => ({ user_id: id, secret: encryption.encrypt(key, id) })),
  )
  const event = toEventValues('account_imported', NO_CLIENT)
  const missing = await executor.execute<{ id: string }>(sql`
    with given as (
      select * from json_to_recordset(${JSON.stringify(rows)}::text::json) as given (id uuid, email text,
        username text, password text, locked boolean, verified boolean, disabled boolean, created timestamptz,
        updated timestamptz, locale text, roles text[], claims jsonb, event uuid)
    ), inserted as (
      insert into ${users} (id, email, username, password, password_locked_at, email_verified, disabled_at,
        created_at, updated_at, locale, roles, claims)
      select id, email, username, password, case when locked then now() end, verified,
        case when disabled then now() end, coalesce(created, now()), coalesce(updated, created, now()), locale, roles, claims
      from given order by id on conflict do nothing
      returning id
    ), recorded as (
      insert into ${events} (id, kind, user_id, origin, request_id, ip_address, user_agent)
      select event, 'account_imported', id, ${event.origin}, ${event.requestId}, ${event.ipAddress}, ${event.userAgent}
      from inserted join given using (id) order by id
      -- The operator may have deleted the account by SQL since an earlier import.
      on conflict (user_id, kind, origin, day) do update set count = events.count + 1, last_at = now()
    ), enrolled as (
      insert into ${factors} (user_id, kind, secret)
      select user_id, 'TOTP', secret
      from json_to_recordset(${JSON.stringify(keys)}::text::json) as given_keys (user_id uuid, secret text)
      join inserted on inserted.id = user_id
    ) select id from given where id not in (select id from inserted)`)
  return new Set(missing.map(({ id }) => id))
}
