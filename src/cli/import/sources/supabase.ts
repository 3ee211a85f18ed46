import type postgres from 'postgres'
import type { ForeignPasskey } from '../../../auth/import/foreign-account.ts'
import { hasTable, openDatabase, requireTable, toDate } from './database.ts'
import { objectAt, toStorable, toTotpKey } from './fields.ts'
import { toGrants } from './grants.ts'
import { type ForeignUser, NO_DETAILS } from './source.ts'

type Row = {
  id: string
  email: string
  verified: boolean
  name: string | null
  password: string | null
  createdAt: number | null
  updatedAt: number | null
  banned: boolean
  bannedUntil: number | null
  social: string | null
  totpKeys: string[]
  factors: number
  passkeys: PasskeyRow[]
  metadata: Record<string, unknown> | null
}

type PasskeyRow = {
  id: string
  key: string
  name: string | null
  signCount: number
  isSynced: boolean
  createdAt: string
}

/** Supabase: the schema `auth` of its database, which is only read. */
export const openSupabase = (url: string) => openDatabase(url, prepare)

async function prepare(sql: postgres.Sql) {
  await requireTable(sql, 'auth.users', 'Only a database of Supabase has it.')
  const hasFactors = await hasTable(sql, 'auth.mfa_factors')
  const hasPasskeys = await hasTable(sql, 'auth.webauthn_credentials')
  const hasIdentities = await hasTable(sql, 'auth.identities')
  const isUser = sql`(u ->> 'deleted_at') is null`
  // As JSON: columns that a version does not have are null then.
  const everyone = sql`(select to_jsonb(users) as u from auth.users) as rows`
  const factors = hasFactors
    ? sql`(select json_agg(to_jsonb(f) ->> 'secret') filter (where to_jsonb(f) ->> 'factor_type' = 'totp') as keys,
        count(*)::int as count from auth.mfa_factors f
        where f.user_id = (u ->> 'id')::uuid and f.status::text = 'verified')`
    : sql`(select null::json as keys, 0 as count)`
  const passkeys = hasPasskeys
    ? sql`(select json_agg(json_build_object('id', encode(credential_id, 'hex'), 'key', encode(public_key, 'hex'),
          'name', friendly_name, 'signCount', sign_count, 'isSynced', backup_eligible,
          'createdAt', created_at) order by created_at) as list
        from auth.webauthn_credentials where user_id = (u ->> 'id')::uuid)`
    : sql`(select null::json as list)`
  const identities = hasIdentities
    ? sql`(select string_agg(distinct provider, ' ') filter (where provider <> 'email') as social
        from auth.identities where user_id = (u ->> 'id')::uuid)`
    : sql`(select null as social)`
  const millis = (name: string) =>
    sql`(extract(epoch from (u ->> ${name}::text)::timestamptz) * 1000)::float8`
  const keys = sql<never[]>`
    select u ->> 'id' as id, coalesce(u ->> 'email', '') as email from ${everyone} where ${isUser}`
  const rows = sql<never[]>`
    select u ->> 'id' as id, coalesce(u ->> 'email', '') as email,
      coalesce(u ->> 'email_confirmed_at', u ->> 'confirmed_at') is not null as verified,
      coalesce(u #>> '{raw_user_meta_data,username}', u #>> '{raw_user_meta_data,full_name}',
        u #>> '{raw_user_meta_data,name}') as name,
      nullif(u ->> 'encrypted_password', '') as password,
      ${millis('created_at')} as "createdAt", ${millis('updated_at')} as "updatedAt",
      coalesce((u ->> 'banned_until')::timestamptz > now(), false) as banned, ${millis('banned_until')} as "bannedUntil",
      identities.social, coalesce(factors.keys, '[]') as "totpKeys", factors.count as factors,
      coalesce(passkeys.list, '[]') as passkeys, u -> 'raw_app_meta_data' as metadata
    from ${everyone}
    cross join lateral ${factors} as factors cross join lateral ${identities} as identities
    cross join lateral ${passkeys} as passkeys
    where ${isUser}`
  return { system: 'supabase', takesPasswordless: true, keys, rows, toUser }
}

function toUser({ factors, metadata, ...row }: Row): ForeignUser {
  // Which providers a user has is no claim.
  const { provider, providers, ...claims } = objectAt({ metadata }, 'metadata')
  // Keys that Supabase has encrypted are JSON, and are not imported.
  const totpKeys = row.totpKeys.flatMap((key) => toTotpKey(key) ?? [])
  return {
    ...NO_DETAILS,
    id: row.id,
    email: row.email,
    emailVerified: row.verified,
    name: row.name,
    password: row.password,
    createdAt: toDate(row.createdAt),
    updatedAt: toDate(row.updatedAt),
    banned: row.banned,
    bannedUntil: toDate(row.bannedUntil),
    social: row.social,
    totpKeys,
    passkeys: row.passkeys.map((passkey) => toPasskey(passkey, row.id)),
    secondFactor: factors > totpKeys.length,
    ...toGrants(claims),
  }
}

/**
 * A passkey of Supabase, whose handle is the text of the id of the user. Supabase demands of devices that they keep it, but
 * not that they verify its user, and does not store the domain. The credentials of `mfa_factors` are not kept by devices.
 */
function toPasskey({ id, key, createdAt, ...passkey }: PasskeyRow, userId: string): ForeignPasskey {
  return {
    ...passkey,
    credentialId: Buffer.from(id, 'hex'),
    publicKey: Buffer.from(key, 'hex'),
    userHandle: Buffer.from(userId, 'utf8'),
    createdAt: toStorable(Date.parse(createdAt)),
    domain: null,
    isDiscoverable: true,
    isUserVerified: false,
  }
}
