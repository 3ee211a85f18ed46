import { randomBytes } from 'node:crypto'
import postgres, { type Sql } from 'postgres'
import { digest } from '../../src/auth/keys/sealed-tokens.ts'
import { createRefreshTokens } from '../../src/auth/sessions/refresh-tokens.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Bench } from '../rig/bench.ts'
import type { ServerCommand } from '../rig/server-process.ts'
import { fillServauth, formatEmail, PASSWORD, SESSIONS_EACH, USERS } from './accounts.ts'

const prepared = new Map<string, ReturnType<typeof prepare>>()

/** Prepares Servauth on a filled database, once for the whole run. */
export function setUpServauth(bench: Bench, database = 'servauth') {
  const known = prepared.get(database) ?? prepare(bench, database)
  prepared.set(database, known)
  return known
}

async function prepare(bench: Bench, database: string) {
  const databaseUrl = await bench.databases.create(database)
  await migrate({ DATABASE_URL: databaseUrl })
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  try {
    await fillServauth(sql, USERS, SESSIONS_EACH)
  } finally {
    await sql.end()
  }
  const secret = randomBytes(32).toString('base64url')
  return { databaseUrl, secret, server: createServerCommand(databaseUrl, secret) }
}

/** Production mode with the default log level. Rate limits are off, and access tokens last longer than a run. */
export function createServerCommand(
  databaseUrl: string,
  secret: string,
  issuer = 'http://localhost:{port}',
): ServerCommand {
  return {
    command: ['../dist/servauth'],
    env: {
      DATABASE_URL: databaseUrl,
      AUTH_SECRET: secret,
      PUBLIC_URL: issuer,
      THROTTLE: 'off',
      ACCESS_TOKEN_SECONDS: '3600',
    },
    ready: '/ready',
  }
}

export type Transport = 'COOKIE' | 'TOKEN'

/** Signs a user in over HTTP. @returns the headers for requests of this session */
export async function signIn(
  url: string,
  user: number,
  transport: Transport,
): Promise<Record<string, string>> {
  const response = await fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: formatEmail(user), password: PASSWORD, transport }),
  })
  if (!response.ok) throw new Error(`Servauth refused a login: ${response.status} ${await response.text()}`)
  const { accessToken } = (await response.json()) as { accessToken: string }
  const [cookie = ''] = response.headers.getSetCookie()
  return transport === 'TOKEN'
    ? { authorization: `Bearer ${accessToken}` }
    : { cookie: cookie.split(';')[0] ?? '' }
}

/**
 * Creates sessions that have never rotated, so that the next refresh of each rotates. Uses SQL and the product's own
 * token functions, because a login is as slow as a hash.
 */
export async function createSessions(bench: Bench, count: number): Promise<string[]> {
  const { databaseUrl, secret } = await setUpServauth(bench)
  const sql = postgres(databaseUrl, { max: 1 })
  try {
    const users = await sql`select id from users order by random() limit ${USERS}`
    const userIds = Array.from({ length: count }, (_, index) => String(users[index % users.length]?.id))
    return (await insertSessions(sql, secret, userIds)).map(({ refreshToken }) => refreshToken)
  } finally {
    await sql.end()
  }
}

/** Writes one session for each of these user ids, opened from this machine: a refresh from elsewhere records a new place. */
export async function insertSessions(sql: Sql, secret: string, userIds: string[]) {
  const refreshTokens = createRefreshTokens([secret])
  const rows = userIds.map((userId) => {
    const id = crypto.randomUUID()
    return { id, userId, ...refreshTokens.startLineage(id) }
  })
  await sql`
    insert into sessions (id, lineage, token, user_id, transport, expires_at, ip_address)
    select *, 'TOKEN', now() + interval '7 days', '127.0.0.1' from unnest(
      ${rows.map(({ id }) => id)}::uuid[], ${rows.map(({ lineage }) => lineage)}::uuid[],
      ${rows.map(({ token }) => digest(token))}::text[], ${userIds}::uuid[])`
  await sql`analyze sessions`
  return rows.map(({ id, userId, token }) => ({ id, userId, refreshToken: token }))
}
