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
import type { NewPasskey } from './foreign-passkeys.ts'

export type NewAccount = {
  id: string
  email: string
  username: string | null
  /** As it is stored. */
  password: string
  /** The hash as it was read. Null if there is none. */
  hash: string | null
  account: ForeignAccount
  passkeys: NewPasskey[]
}

/**
 * Inserts accounts with their factors and events, in one statement: a list of values would take longer to build than to
 * insert. In the order of ids, and with ids of events that grow, neighbours go to the same pages of indexes.
 * @returns the ids of the accounts and of the passkeys that were not inserted, because something else has their address or id
 */
export async function insertAccounts(executor: Executor, encryption: Encryption, accounts: NewAccount[]) {
  const rows = accounts.map(({ id, email, username, password, hash, account }) => ({
    ...{ id, email, username, password, locked: hash === null },
    verified: account.emailVerified,
    disabled: account.banned,
    until: account.banned ? account.bannedUntil : null,
    created: account.createdAt,
    updated: account.updatedAt,
    locale: account.locale === null ? null : toLanguageTag(account.locale.replaceAll('_', '-')),
    ...{ roles: account.roles, claims: account.claims, event: Bun.randomUUIDv7() },
  }))
  const apps = accounts.flatMap(({ id, account }) =>
    account.totpKeys.slice(0, MAX_AUTHENTICATORS).map((key) => ({
      user_id: id,
      kind: 'TOTP',
      secret: encryption.encrypt(key, id),
      sign_count: 0,
      is_synced: false,
    })),
  )
  const passkeys = accounts.flatMap(({ id, passkeys }) =>
    passkeys.map((passkey) => ({
      ...{ user_id: id, kind: 'PASSKEY', name: passkey.name, credential_id: passkey.credentialId },
      ...{ public_key: passkey.publicKey, sign_count: passkey.signCount, is_synced: passkey.isSynced },
      ...{
        user_handle: passkey.userHandle,
        needs_password: passkey.needsPassword,
        created: passkey.createdAt,
      },
    })),
  )
  const event = toEventValues('account_imported', NO_CLIENT)
  const missing = await executor.execute<{ id: string; credentialId: string | null }>(sql`
    with given as (
      select * from json_to_recordset(${JSON.stringify(rows)}::text::json) as given (id uuid, email text,
        username text, password text, locked boolean, verified boolean, disabled boolean, until timestamptz, created timestamptz,
        updated timestamptz, locale text, roles text[], claims jsonb, event uuid)
    ), inserted as (
      insert into ${users} (id, email, username, password, password_locked_at, email_verified, disabled_at, disabled_until,
        created_at, updated_at, locale, roles, claims)
      select id, email, username, password, case when locked then now() end, verified,
        case when disabled then now() end, until, coalesce(created, now()), coalesce(updated, created, now()), locale, roles, claims
      from given order by id on conflict do nothing
      returning id
    ), recorded as (
      insert into ${events} (id, kind, user_id, origin, request_id, ip_address, user_agent)
      select event, 'account_imported', id, ${event.origin}, ${event.requestId}, ${event.ipAddress}, ${event.userAgent}
      from inserted join given using (id) order by id
      -- The operator may have deleted the account by SQL since an earlier import.
      on conflict (user_id, kind, origin, day) do update set count = events.count + 1, last_at = now()
    ), given_factors as (
      select * from json_to_recordset(${JSON.stringify([...apps, ...passkeys])}::text::json) as given_factors (
        user_id uuid, kind text, secret text, name text, credential_id text, public_key text, sign_count bigint,
        is_synced boolean, user_handle text, needs_password boolean, created timestamptz)
      where user_id in (select id from inserted)
    ), enrolled as (
      insert into ${factors} (user_id, kind, secret, name, credential_id, public_key, sign_count, is_synced,
        user_handle, needs_password, created_at)
      select user_id, kind::factor_kind, secret, name, credential_id, public_key, sign_count, is_synced,
        user_handle, coalesce(needs_password, false), least(coalesce(created, now()), now())
      from given_factors on conflict (credential_id) do nothing
      returning user_id, credential_id
    ) select id, null as "credentialId" from given where id not in (select id from inserted)
    union all select user_id, credential_id from given_factors
      where kind = 'PASSKEY' and (user_id, credential_id) not in (
        select user_id, credential_id from enrolled where credential_id is not null)`)
  const idsOf = (isOfPasskey: boolean) =>
    missing.filter(({ credentialId }) => (credentialId !== null) === isOfPasskey)
  const lost = Map.groupBy(idsOf(true), ({ id }) => id)
  return {
    accounts: new Set(idsOf(false).map(({ id }) => id)),
    /** The ids of the passkeys of an account that were not inserted. */
    passkeysOf: (id: string) => new Set(lost.get(id)?.map(({ credentialId }) => credentialId)),
  }
}
