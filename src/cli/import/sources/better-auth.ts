import type postgres from 'postgres'
import { decryptTotpKey } from '../../../auth/import/better-auth-key.ts'
import { CommandError } from '../../support/command-error.ts'
import { openDatabase, toDate } from './database.ts'
import { toTotpKeyOfText } from './fields.ts'
import { type ForeignUser, NO_DETAILS } from './source.ts'

/**
 * Reads users from the tables `user` and `account` of a Better-Auth database, and changes nothing there. Columns
 * are in camel case if Better-Auth's own migrations created them, in snake case if its Drizzle schema did.
 */
export const openBetterAuth = (url: string, secret?: string) =>
  openDatabase(url, async (sql) => {
    const user = requireColumns(await readColumns(sql, 'user'), 'user')
    const account = requireColumns(await readColumns(sql, 'account'), 'account')
    const factor = (await readColumns(sql, 'twoFactor')) ?? (await readColumns(sql, 'two_factor'))
    const readKeys = await openTotpKeys(sql, factor, secret)
    return createReader(sql, { user, account, factor }, readKeys)
  })

type Columns = {
  table: string
  has: (name: string) => boolean
  getActualName: (name: string) => string
}

function requireColumns(columns: Columns | null, table: string) {
  if (columns) return columns
  throw new Error(
    `There is no table "${table}" in that database. Only Better-Auth databases with the default table names can be imported.`,
  )
}

/** @returns null if there is no such table */
async function readColumns(sql: postgres.Sql, table: string): Promise<Columns | null> {
  const rows = await sql<{ name: string }[]>`
    select attname as name from pg_attribute
    where attrelid = to_regclass(${`"${table}"`}) and attnum > 0 and not attisdropped`
  if (rows.length === 0) return null
  const names = new Set(rows.map(({ name }) => name))
  const toSnakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  const findName = (name: string) => [name, toSnakeCase(name)].find((each) => names.has(each))
  return {
    table,
    has: (name) => findName(name) !== undefined,
    getActualName(name) {
      const found = findName(name)
      if (!found) throw new Error(`The table "${table}" in that database has no column ${name}.`)
      return found
    },
  }
}

type Tables = { user: Columns; account: Columns; factor: Columns | null }
type ReadKeys = (encrypted: string[]) => Promise<string[]>

/** Decrypts the keys of authenticator apps, if the operator has given the secret. */
async function openTotpKeys(
  sql: postgres.Sql,
  factor: Columns | null,
  secret: string | undefined,
): Promise<ReadKeys> {
  if (!factor || !secret) return async () => []
  const read: ReadKeys = async (encrypted) => {
    const keys = await Promise.all(encrypted.map((each) => decryptTotpKey(each, secret)))
    return keys.flatMap((key) => (key === null ? [] : (toTotpKeyOfText(key) ?? [])))
  }
  const [any] = await sql<{ secret: string }[]>`
    select ${sql(factor.getActualName('secret'))} as secret from ${sql(factor.table)} limit 1`
  if (any && (await read([any.secret])).length === 0) {
    throw new CommandError(
      'IMPORT_SECRET does not decrypt the keys of authenticator apps. It is the BETTER_AUTH_SECRET there.',
    )
  }
  return read
}

function createReader(sql: postgres.Sql, { user, account, factor }: Tables, readKeys: ReadKeys) {
  const quoteColumn = (columns: Columns, alias: string) => (name: string) =>
    sql`${sql(`${alias}.${columns.getActualName(name)}`)}`
  const [u, a] = [quoteColumn(user, 'u'), quoteColumn(account, 'a')]
  // Better-Auth stores times without a zone in UTC, and `extract(epoch)` also assumes UTC.
  const millis = (name: string) => sql`(extract(epoch from ${u(name)}) * 1000)::float8`
  const isTrue = (name: string) => (user.has(name) ? sql`coalesce(${u(name)}, false)` : sql`false`)
  const isBanned = user.has('banExpires')
    ? sql`${isTrue('banned')} and (${u('banExpires')} is null or ${u('banExpires')} > now())`
    : isTrue('banned')
  const isCredential = sql`${a('providerId')} = 'credential'`
  const f = factor ? quoteColumn(factor, 'f') : undefined
  const isVerified = f && factor?.has('verified') ? sql`coalesce(${f('verified')}, true)` : sql`true`
  const secrets =
    f && factor
      ? sql`(select coalesce(json_agg(${f('secret')}), '[]') from ${sql(factor.table)} f
          where ${f('userId')} = ${u('id')} and ${isVerified})`
      : sql`'[]'::json`

  const rows = sql<never[]>`
    select ${u('id')}::text as id, coalesce(${u('email')}, '') as email, ${u('name')} as name,
      coalesce(${u('emailVerified')}, false) as "emailVerified",
      ${millis('createdAt')} as "createdAt", ${millis('updatedAt')} as "updatedAt",
      ${isBanned} as banned, ${user.has('banExpires') ? millis('banExpires') : sql`null`} as "bannedUntil",
      ${isTrue('twoFactorEnabled')} as "secondFactor",
      min(${a('password')}) filter (where ${isCredential}) as password,
      string_agg(distinct ${a('providerId')}, ' ') filter (where not (${isCredential})) as social,
      ${user.has('role') ? u('role') : sql`null`} as role, ${secrets} as secrets
    from "user" u left join account a on ${a('userId')} = ${u('id')}
    group by ${u('id')}`

  const keys = sql<never[]>`select ${u('id')}::text as id, coalesce(${u('email')}, '') as email from "user" u`
  return { system: 'better-auth', takesPasswordless: false, keys, rows, toUser }

  async function toUser({ role, secrets, ...row }: UserRow): Promise<ForeignUser> {
    // Of a user who has turned the second factor off, the key is left.
    const totpKeys = row.secondFactor ? await readKeys(secrets) : []
    return {
      ...NO_DETAILS,
      ...row,
      createdAt: toDate(row.createdAt),
      updatedAt: toDate(row.updatedAt),
      bannedUntil: toDate(row.bannedUntil),
      totpKeys,
      secondFactor: row.secondFactor && totpKeys.length === 0,
      rolesThere: toNames(role ?? ''),
    }
  }
}

type UserRow = Omit<ForeignUser, 'createdAt' | 'updatedAt' | 'bannedUntil'> & {
  createdAt: number | null
  updatedAt: number | null
  bannedUntil: number | null
  role: string | null
  secrets: string[]
}

/** The plugin for administration stores several roles as one text. */
const toNames = (text: string) =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
