import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import type { Bench } from '../rig/bench.ts'
import { runJob, type ServerCommand, startServer } from '../rig/server-process.ts'
import { formatEmail, PASSWORD, SESSIONS_EACH, USERS } from './accounts.ts'

type Hash = 'scrypt' | 'argon2id'

const prepared: Partial<Record<Hash, Promise<ServerCommand>>> = {}

/** Prepares Better-Auth on a filled database, once for each of the two hashes. */
export const setUpBetterAuth = (bench: Bench, hash: Hash) => (prepared[hash] ??= prepare(bench, hash))

async function prepare(bench: Bench, hash: Hash): Promise<ServerCommand> {
  const databaseUrl = await bench.databases.create(`better_auth_${hash}`)
  const command = [process.execPath, 'servers/better-auth.mjs']
  const env = { DATABASE_URL: databaseUrl, AUTH_SECRET: randomBytes(32).toString('base64url'), HASH: hash }
  await runJob(bench, [...command, 'migrate'], env)
  const server = { command, env, ready: '/api/auth/ok' }

  const running = await startServer(bench, server)
  try {
    await post(`${running.url}/api/auth/sign-up/email`, {
      name: 'user 1',
      email: formatEmail(1),
      password: PASSWORD,
    })
  } finally {
    await running.stop()
  }
  await copyUsers(databaseUrl)
  return server
}

/** Copies the first user until there are as many users and sessions as Servauth has. */
async function copyUsers(databaseUrl: string) {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  try {
    await sql`
      insert into "user" select 'user' || number, name, 'user-' || lpad(number::text, 7, '0') || '@bench.test',
        "emailVerified", image, "createdAt", "updatedAt"
      from "user", generate_series(2, ${USERS}::int) number`
    await sql`
      insert into account (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
      select 'account-' || "user".id, "user".id, "providerId", "user".id, password, account."createdAt", account."updatedAt"
      from "user", account where "user".id <> account."userId"`
    await sql`
      insert into session (id, "userId", token, "expiresAt", "createdAt", "updatedAt")
      select number || "user".id, "user".id, number || "user".id, now() + interval '6 days', now(), now()
      from "user", generate_series(1, ${SESSIONS_EACH}::int) number`
    await sql`vacuum analyze`
  } finally {
    await sql.end()
  }
}

export async function signIn(url: string, user: number): Promise<Record<string, string>> {
  const response = await post(`${url}/api/auth/sign-in/email`, {
    email: formatEmail(user),
    password: PASSWORD,
  })
  const [cookie = ''] = response.headers.getSetCookie()
  return { cookie: cookie.split(';')[0] ?? '' }
}

async function post(url: string, body: unknown) {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(url, init)
  if (!response.ok) throw new Error(`Better-Auth answered ${response.status}: ${await response.text()}`)
  return response
}
