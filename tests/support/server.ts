import { randomBytes } from 'node:crypto'
import type { Sql } from 'postgres'
import { onTestFinished } from 'vitest'
import { compose } from '../../src/compose.ts'
import type { DatabaseLimits } from '../../src/db/limits.ts'
import { loadEnv } from '../../src/env.ts'
import { createLog } from '../../src/observe/log.ts'
import { type Adapter, createClients, type Transport } from './client.ts'
import { callCommand } from './command.ts'
import { createDatabase, PATIENT } from './database.ts'
import { createMailbox } from './mailbox.ts'
import { type Conformance, createConformance } from './openapi.ts'
import { createProxy } from './proxy.ts'
import { openForTest, useResource } from './resource.ts'
import { SOCKET_ADDRESS, send } from './send.ts'

type Settings = Record<string, string>
type Options = {
  /** Names the database that is copied for it, instead of an empty one. */
  template?: () => string
  /** May change the database before the server starts. */
  prepare?: (sql: Sql) => Promise<unknown>
  /** How long the server waits for the database, for tests about that. */
  limits?: DatabaseLimits
  /** Puts `proxy` between the server and its database. It takes a sixth of the processor time of the whole, so few have one. */
  hasProxy?: boolean
}
export type Server = Awaited<ReturnType<typeof openServer>>
export type ServerWithMail = Awaited<ReturnType<typeof openServerWithMail>>

/** Most tests are not about hashes, which would take a third of their time. An operator cannot set so low a cost. */
const QUICK_HASHES = { ARGON2_MEMORY_KIB: 64, ARGON2_PASSES: 1 }
/** The cost if an operator sets none, for tests about hashes, their time and their number. */
export const REAL_HASHES = { ARGON2_MEMORY_KIB: '19456' }

export const ORIGIN = 'https://auth.example.com'

/** For a server that takes this address for its proxy, so that a client says with `from` where it comes from. */
export const BEHIND_PROXY = { TRUSTED_PROXIES: SOCKET_ADDRESS }

/** A server for the tests of this file or group. */
export const useServer = (settings?: Settings, options?: Options) =>
  useResource(() => openServer(settings, options))

/** The same with a mail server of its own. */
export const useServerWithMail = (settings?: Settings, options?: Options) =>
  useResource(() => openServerWithMail(settings, options))

/** A server for one test. */
export const startServer = (settings?: Settings, options?: Options) =>
  openForTest(() => openServer(settings, options))

/** The same with a mail server of its own. */
export const startServerWithMail = (settings?: Settings, options?: Options) =>
  openForTest(() => openServerWithMail(settings, options))

/** Serves the app on a port for one test, as a stream needs a connection. */
export function serveOnPort({ app }: Pick<Server, 'app'>) {
  const listener = Bun.serve({
    port: 0,
    idleTimeout: 30,
    fetch: (request) => app.fetch(request, () => null),
  })
  onTestFinished(() => listener.stop(true))
  return `http://localhost:${listener.port}`
}

async function openServerWithMail(settings: Settings = {}, options?: Options) {
  const mailbox = await createMailbox()
  const needed = { SMTP_URL: mailbox.url, APP_URL: 'https://app.example.com/account' }
  const server = await openServer({ ...needed, ...settings }, options)
  mailbox.wakeWith(server.wakeMailWorker)
  return {
    ...server,
    mailbox,

    /** A new user as `registerUser` makes one, who has followed the link of the first mail. */
    async registerVerifiedUser(adapter?: Adapter, transport?: Transport) {
      const person = await server.registerUser(adapter, transport)
      const token = await mailbox.token(person.email, /Verify/)
      await person.client.call('verifyEmail', { token, password: person.password })
      return person
    },
    async close() {
      mailbox.slowDown(undefined)
      await server.close()
      await mailbox.close()
    },
  }
}

/** The whole server in production mode on a database of its own; requests reach it without a port. */
async function openServer(settings: Settings = {}, options: Options = {}) {
  const { template, prepare, limits = PATIENT, hasProxy } = options
  const database = await createDatabase(template?.())
  await prepare?.(database.sql)
  const proxy = hasProxy ? await createProxy(database.url) : undefined
  const source = {
    NODE_ENV: 'production',
    DATABASE_URL: proxy?.url ?? database.url,
    AUTH_SECRET: randomBytes(32).toString('base64url'),
    PUBLIC_URL: ORIGIN,
    LOG_LEVEL: 'silent',
    THROTTLE: 'off',
    ...settings,
  }
  const hasOwnCost = Object.keys(settings).some((name) => name.startsWith('ARGON2_'))
  const env = { ...loadEnv(source), ...(!hasOwnCost && QUICK_HASHES) }
  const log = await createLog(env)
  const { DATABASE_URL } = source
  const start = async ({ AUTH_SECRET = source.AUTH_SECRET, ...settings } = env) => {
    const started = await compose({ ...settings, DATABASE_URL, AUTH_SECRET, databaseLimits: limits }, log)
    await started.prepare()
    return started
  }
  let server = await start()

  const request = async (path: string, init: RequestInit = {}) => send(server.app, path, init)
  const conformance = await conformanceOf(source, async () => (await request('/openapi.json')).text())
  /** Every answer of REST must be one that the OpenAPI document allows. */
  const fetch = async (path: string, init: RequestInit = {}) => {
    const response = await request(path, init)
    await conformance.check({ method: init.method ?? 'GET', path: pathOf(path) }, response.clone())
    return response
  }
  return {
    ...server,
    ...createClients(fetch),
    env: source,
    sql: database.sql,
    setDefault: database.setDefault,
    dump: database.dump,
    /** Only of a server that was opened with `hasProxy`. */
    proxy: proxy as NonNullable<typeof proxy>,
    fetch,
    conformance,
    /** Replaces the process: same settings, same database, empty memory. */
    async restart() {
      await server.close()
      server = await start()
    },
    /** A second process beside this one, for one test, possibly with other settings. */
    startReplica: (settings?: typeof env) => openForTest(() => start(settings)),
    /** The kinds of the events of a user, oldest first. */
    async eventsOf(userId: string) {
      const rows =
        await database.sql`select kind from events where user_id = ${userId} order by created_at, id`
      return rows.map(({ kind }): string => kind)
    },
    /** Waits until the server has heard of the changes that plain SQL made, which takes some milliseconds. */
    catchUp: () => server.changes.catchUp(),
    wakeMailWorker: () => server.wakeMailWorker(),
    /** Runs a command of an operator on these settings, until the server has heard of what it changed. */
    async command(words: string) {
      const result = await callCommand(words, { env: source })
      await server.changes.catchUp()
      return result
    },
    async close() {
      // Otherwise background work that waits for the database ends only at its deadline, which is a patient one.
      proxy?.restore()
      await server.close()
      await proxy?.close()
      await database.drop()
    },
  }
}

const conformances = new Map<string, Promise<Conformance>>()

/** A document takes longer to write and to compile than most tests. Of the settings, only these change it. */
function conformanceOf({ PUBLIC_URL, ADMIN_PORT }: Settings, readDocument: () => Promise<string>) {
  const key = `${PUBLIC_URL} ${ADMIN_PORT}`
  const conformance = conformances.get(key) ?? readDocument().then(createConformance)
  conformances.set(key, conformance)
  return conformance
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
