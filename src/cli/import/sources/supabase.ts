import { openDatabase } from './database.ts'
import { objectAt, toTotpKey } from './fields.ts'
import { toGrants } from './grants.ts'
import { type ForeignUser, NO_DETAILS, type Source } from './source.ts'

const BATCH_SIZE = 1000

type Row = {
  id: string
  email: string
  verified: boolean
  name: string | null
  password: string | null
  createdAt: number | null
  updatedAt: number | null
  banned: boolean
  social: string | null
  totpKeys: string[]
  factors: number
  metadata: Record<string, unknown> | null
}

/** Supabase: the schema `auth` of its database, which is only read. */
export async function openSupabase(url: string): Promise<Source> {
  const { sql, close, requireTable, hasTable } = await openDatabase(url)
  try {
    await requireTable('auth.users', 'Only a database of Supabase has it.')
    const hasFactors = await hasTable('auth.mfa_factors')
    const hasIdentities = await hasTable('auth.identities')
    const isUser = sql`(u ->> 'deleted_at') is null`
    // As JSON: columns that a version does not have are null then.
    const everyone = sql`(select to_jsonb(users) as u from auth.users) as rows where ${isUser}`
    const factors = hasFactors
      ? sql`(select json_agg(to_jsonb(f) ->> 'secret') filter (where to_jsonb(f) ->> 'factor_type' = 'totp') as keys,
          count(*)::int as count from auth.mfa_factors f
          where f.user_id = (u ->> 'id')::uuid and f.status::text = 'verified')`
      : sql`(select null::json as keys, 0 as count)`
    const identities = hasIdentities
      ? sql`(select string_agg(distinct provider, ' ') filter (where provider <> 'email') as social
          from auth.identities where user_id = (u ->> 'id')::uuid)`
      : sql`(select null as social)`
    const millis = (name: string) =>
      sql`(extract(epoch from (u ->> ${name}::text)::timestamptz) * 1000)::float8`
    const rows = sql<Row[]>`
      select u ->> 'id' as id, coalesce(u ->> 'email', '') as email,
        coalesce(u ->> 'email_confirmed_at', u ->> 'confirmed_at') is not null as verified,
        coalesce(u #>> '{raw_user_meta_data,username}', u #>> '{raw_user_meta_data,full_name}',
          u #>> '{raw_user_meta_data,name}') as name,
        nullif(u ->> 'encrypted_password', '') as password,
        ${millis('created_at')} as "createdAt", ${millis('updated_at')} as "updatedAt",
        coalesce((u ->> 'banned_until')::timestamptz > now(), false) as banned,
        identities.social, coalesce(factors.keys, '[]') as "totpKeys", factors.count as factors,
        u -> 'raw_app_meta_data' as metadata
      from (select to_jsonb(users) as u from auth.users) as rows
      cross join lateral ${factors} as factors cross join lateral ${identities} as identities
      where ${isUser}`
    const [counted] = await sql<{ count: number }[]>`select count(*)::int as count from ${everyone}`
    let done = 0
    return {
      system: 'supabase',
      takesPasswordless: true,
      async *keys() {
        const keys = sql<{ id: string; email: string }[]>`
          select u ->> 'id' as id, coalesce(u ->> 'email', '') as email from ${everyone}`
        for await (const batch of keys.cursor(BATCH_SIZE)) yield batch
      },
      async *users() {
        for await (const batch of rows.cursor(BATCH_SIZE)) {
          yield batch.map(toUser)
          done += batch.length
        }
      },
      progress: () => done / Math.max(1, counted?.count ?? 0),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
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
    social: row.social,
    totpKeys,
    secondFactor: factors > totpKeys.length,
    ...toGrants(claims),
  }
}

const toDate = (millis: number | null) => (millis === null ? null : new Date(millis))
