import { randomBytes } from 'node:crypto'
import { afterAll } from 'vitest'
import { compose } from '../../src/compose.ts'
import { loadEnv } from '../../src/env.ts'
import { createLog } from '../../src/observe/log.ts'
import { createClient, type Door, type Transport } from './client.ts'
import { createDatabase } from './database.ts'
import { createMailbox } from './mailbox.ts'
import { createConformance } from './openapi.ts'
import { createProxy } from './proxy.ts'

/** The same with a mail server of its own. */
export async function startServerWithMail(overrides: Record<string, string> = {}) {
  const mailbox = await createMailbox()
  const server = await startServer({
    SMTP_URL: mailbox.url,
    APP_URL: 'https://app.example.com/account',
    ...overrides,
  })
  afterAll(() => mailbox.close())
  return { ...server, mailbox }
}

export const ORIGIN = 'https://auth.example.com'

/** The whole server in production mode on a database of its own, spoken to without a port. */
export async function startServer(overrides: Record<string, string> = {}) {
  const database = await createDatabase()
  const proxy = await createProxy(database.url)
  const source = {
    NODE_ENV: 'production',
    DATABASE_URL: proxy.url,
    AUTH_SECRET: randomBytes(32).toString('base64url'),
    PUBLIC_URL: ORIGIN,
    LOG_LEVEL: 'silent',
    THROTTLE: 'off',
    ...overrides,
  }
  const env = loadEnv(source)
  const log = await createLog(env)
  const start = async () => {
    const started = await compose(
      { ...env, DATABASE_URL: source.DATABASE_URL, AUTH_SECRET: source.AUTH_SECRET },
      log,
    )
    await started.prepare()
    return started
  }
  let server = await start()
  afterAll(async () => {
    await server.close()
    await proxy.close()
    await database.drop()
  })

  const request = async (path: string, init: RequestInit = {}) =>
    server.app.request(path, init, { address: () => '192.0.2.1' })
  const conformance = createConformance(await (await request('/openapi.json')).text())
  /** Whatever a test asks by REST, the OpenAPI document must allow the answer. */
  const fetch = async (path: string, init: RequestInit = {}) => {
    const response = await request(path, init)
    await conformance.check({ method: init.method ?? 'GET', path: pathOf(path) }, response.clone())
    return response
  }
  return {
    ...server,
    env: source,
    sql: database.sql,
    proxy,
    fetch,
    conformance,
    /** Another process in the place of this one: same settings, same database, nothing remembered. */
    async restart() {
      await server.close()
      server = await start()
    },
    /** Until the server has heard of what was changed by plain SQL: a few milliseconds, in life. */
    hears: () => server.changes.catchUp(),
    client: (door: Door, transport: Transport, address?: string) =>
      createClient(fetch, door, transport, address),
  }
}

/** The path as the server reads it: normalized, and decoded where it can be. */
function pathOf(given: string) {
  const { pathname } = new URL(`http://localhost${given.startsWith('/') ? '' : '/'}${given}`)
  try {
    return decodeURI(pathname)
  } catch {
    return pathname
  }
}
