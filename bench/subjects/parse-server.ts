import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import type { Bench } from '../rig/bench.ts'
import { type ServerCommand, startServer } from '../rig/server-process.ts'
import { formatEmail, PASSWORD, USERS } from './accounts.ts'

export const APPLICATION = { 'x-parse-application-id': 'bench' }

let prepared: Promise<ServerCommand> | undefined

/** Prepares Parse Server on a filled database. No sessions are added, because it has no index on their token. */
export const setUpParseServer = (bench: Bench) => (prepared ??= prepare(bench))

async function prepare(bench: Bench): Promise<ServerCommand> {
  const databaseUrl = await bench.databases.create('parse_server')
  const server = {
    command: ['node', 'servers/parse-server.mjs'],
    env: {
      DATABASE_URL: databaseUrl,
      AUTH_SECRET: randomBytes(32).toString('base64url'),
      // A variable, because it creates its first log files before it reads the option.
      PARSE_SERVER_LOGS_FOLDER: 'null',
    },
    ready: '/parse/health',
  }
  const running = await startServer(bench, server)
  try {
    await post(`${running.url}/parse/users`, {
      username: formatEmail(1),
      email: formatEmail(1),
      password: PASSWORD,
    })
  } finally {
    await running.stop()
  }
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  try {
    await sql`
      insert into "_User" ("objectId", "createdAt", "updatedAt", username, email, _hashed_password, _rperm, _wperm)
      select 'user' || number, "createdAt", "updatedAt", address, address, _hashed_password,
        array['user' || number], array['user' || number]
      from "_User", generate_series(2, ${USERS}::int) number,
        lateral (select 'user-' || lpad(number::text, 7, '0') || '@bench.test' as address)`
    await sql`vacuum analyze`
  } finally {
    await sql.end()
  }
  return server
}

export async function signIn(url: string, user: number): Promise<Record<string, string>> {
  const response = await post(`${url}/parse/login`, { username: formatEmail(user), password: PASSWORD })
  const { sessionToken } = (await response.json()) as { sessionToken: string }
  return { ...APPLICATION, 'x-parse-session-token': sessionToken }
}

async function post(url: string, body: unknown) {
  const headers = { ...APPLICATION, 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`Parse Server answered ${response.status}: ${await response.text()}`)
  return response
}
