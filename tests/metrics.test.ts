import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ADAPTERS, account, bearer } from './support/client.ts'
import { useDatabase, useProxy } from './support/database.ts'
import { useMailbox } from './support/mailbox.ts'
import { childrenOf, freePort } from './support/process.ts'
import { launchProgram, startProgram } from './support/program.ts'
import { useResource } from './support/resource.ts'
import { scrape } from './support/scrape.ts'

const database = useDatabase()
const mailbox = useMailbox()
const proxy = useProxy(database)

async function start(settings: Record<string, string> = {}) {
  const metricsPort = await freePort()
  const server = await startProgram({
    METRICS_PORT: String(metricsPort),
    DATABASE_URL: proxy.url,
    SMTP_URL: mailbox.url,
    THROTTLE: 'on',
    ...settings,
  })
  return { ...server, metricsPort, scrape: () => scrape(metricsPort), close: server.stop }
}

type Scrape = Awaited<ReturnType<typeof scrape>>

const growth =
  (before: Scrape, after: Scrape) =>
  (name: string, labels: Record<string, string> = {}) =>
    after.sum(name, labels) - before.sum(name, labels)

const REQUESTS = 'servauth_request_duration_seconds_count'

describe('a server with a METRICS_PORT', () => {
  const server = useResource(start)

  test.each(ADAPTERS)('operations by %s are counted by name, adapter and code', async (adapter) => {
    const door = adapter.toLowerCase()
    const client = server.client(adapter)
    const input = account()
    const before = await server.scrape()

    await client.register(input)
    await client.me()
    await client.me()
    await client.call('login', { ...input, password: 'not the password' })
    await client.call('me', undefined, { bearer: 'nonsense' })

    const grown = growth(before, await server.scrape())
    expect(grown(REQUESTS, { operation: 'register', door, code: 'OK' })).toBe(1)
    expect(grown(REQUESTS, { operation: 'me', door, code: 'OK' })).toBe(2)
    expect(grown(REQUESTS, { operation: 'me', door, code: 'UNAUTHENTICATED' })).toBe(1)
    expect(grown(REQUESTS, { operation: 'login', door, code: 'INVALID_CREDENTIALS' })).toBe(1)
    expect(grown('servauth_sessions_opened_total', { operation: 'register' })).toBe(1)
    expect(grown('servauth_hashing_wait_seconds_count')).toBe(2)
    expect(grown('servauth_request_duration_seconds_sum', { operation: 'register' })).toBeGreaterThan(0.005)
  })

  test('every look-up of the session cache is counted', async () => {
    async function ask() {
      const { client } = await server.registerUser()
      const before = await server.scrape()
      for (let times = 0; times < 3; times++) await client.me()
      const grown = growth(before, await server.scrape())
      const of = (outcome: string) => grown('servauth_session_cache_lookups_total', { outcome })
      return { hits: of('hit'), misses: of('miss'), bypasses: of('bypass') }
    }

    let counts = await ask()
    // The cache is bypassed while the listener is not alive, on a machine that is too busy for it.
    for (; counts.bypasses > 0; counts = await ask())
      expect(counts.hits + counts.misses + counts.bypasses).toBe(3)

    expect(counts).toEqual({ hits: 2, misses: 1, bypasses: 0 })
  })

  test('a client cannot add a series', async () => {
    const canary = `canary${randomBytes(6).toString('hex')}`
    const before = await server.scrape()
    const paths = [`/${canary}`, `/auth/${canary}`, `/auth/me/${canary}`, `/auth/sessions/${canary}`]
    for (const path of paths) await fetch(server.url + path, { method: 'DELETE' })
    await fetch(`${server.url}/auth/login`, { method: 'OPTIONS' })
    await server.askGraphQL({ query: `query ${canary} { ${canary}: me { id } }` })
    await server.askGraphQL({ query: `{ ${canary} }` })
    await server.askGraphQL({ query: `{ ${canary}` })
    await server.askGraphQL({
      query: 'query Both { ...Both } fragment Both on Query { me { id } sessions { id } }',
    })
    await server.askGraphQL({ query: '{ ...One } fragment One on Query { events { id } }' })

    const after = await server.scrape()

    expect(after.text).not.toContain(canary)
    const sum = growth(before, after)
    expect(sum(REQUESTS, { operation: 'other', door: 'rest', code: 'NOT_FOUND' })).toBe(3)
    expect(sum(REQUESTS, { operation: 'revokeSession', code: 'UNAUTHENTICATED' })).toBe(1)
    expect(sum(REQUESTS, { operation: 'other', door: 'graphql', code: 'GRAPHQL_PARSE_FAILED' })).toBe(1)
    expect(sum(REQUESTS, { operation: 'other', door: 'graphql', code: 'GRAPHQL_VALIDATION_FAILED' })).toBe(1)
    expect(sum(REQUESTS, { operation: 'several', door: 'graphql' })).toBe(1)
    expect(sum(REQUESTS, { operation: 'events', door: 'graphql' })).toBe(1)
  })

  test('reached limits and reused refresh tokens are counted', async () => {
    const before = await server.scrape()
    const { client, input } = await server.registerUser()
    for (let attempt = 0; attempt < 7; attempt++)
      await client.call('login', { ...input, password: 'wrong one' })
    const thief = client.twin()
    await client.refresh()
    await database.sql`update sessions set rotated_at = now() - interval '1 hour'`
    await client.refresh()
    await thief.refresh()

    const sum = growth(before, await server.scrape())
    expect(sum('servauth_limited_total', { limit: 'loginFailures' })).toBeGreaterThan(0)
    expect(sum(REQUESTS, { operation: 'refresh', code: 'REFRESH_REUSED' })).toBe(1)
    expect(sum('servauth_refresh_reused_total')).toBe(1)
  })

  test('the number of waiting mails and their age are measured', async () => {
    mailbox.misbehave({ code: 451 })
    const { email } = await server.registerUser()
    await server.client().call('requestPasswordReset', { email })
    await database.sql`update mail_outbox set created_at = now() - interval '2 minutes' where status = 'PENDING'`

    // The server reads them every five seconds at most.
    const scraped = (name: string) => expect.poll(async () => (await server.scrape()).sum(name))
    await scraped('servauth_mail_oldest_pending_seconds').toBeGreaterThan(100)
    await scraped('servauth_mail_pending').toBeGreaterThan(0)
    mailbox.misbehave(undefined)
  })

  test('the port serves metrics in the format of Prometheus and nothing else', async () => {
    const { status, type, sum } = await server.scrape()

    expect(status).toBe(200)
    expect(type).toContain('text/plain; version=0.0.4')
    for (const name of [
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
      'nodejs_heap_size_used_bytes',
    ]) {
      expect(sum(name)).toBeGreaterThan(0)
    }
    // It is measured since the last scrape, here a few milliseconds ago.
    const lag = async () => (await server.scrape()).sum('nodejs_eventloop_lag_p99_seconds')
    await expect.poll(lag, { interval: 200 }).toBeGreaterThan(0)
    expect(sum('servauth_ready')).toBe(1)
    const age = async () => (await server.scrape()).sum('servauth_changes_age_seconds')
    await expect.poll(age).toBeLessThan(1)
    expect(Math.abs(Date.now() / 1000 - sum('process_start_time_seconds'))).toBeLessThan(300)
    const metrics = `http://localhost:${server.metricsPort}`
    expect((await fetch(`${metrics}/`)).status).toBe(404)
    expect((await fetch(`${metrics}/auth/me`)).status).toBe(404)
    expect((await fetch(`${metrics}/metrics`, { method: 'POST' })).status).toBe(404)
    expect((await fetch(`${server.url}/metrics`)).status).toBe(404)
  })

  test.each([
    ['POST /metrics', 404],
    ['GET /metrics', 200],
  ])('an endless body with %s is answered with %i, and its connection is closed', async (line, status) => {
    const connection = connect(server.metricsPort, '127.0.0.1')
    let answer = ''
    connection.on('data', (data) => (answer += data))
    connection.on('error', () => {})
    connection.write(`${line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000\r\n\r\n{`)
    const drip = setInterval(() => connection.write(' '), 200)

    await once(connection, 'close')
    clearInterval(drip)

    expect(answer).toContain(`HTTP/1.1 ${status} `)
  })

  test('a scrape is answered while the database does not answer', async () => {
    proxy.freeze()
    onTestFinished(proxy.restore)
    await server.scrape()

    const { status, sum } = await server.scrape()

    expect(status).toBe(200)
    expect(sum('servauth_ready')).toBe(0)
    expect(sum('servauth_changes_age_seconds')).toBeGreaterThan(1)
    proxy.restore()
    await server.untilReady()
    expect((await server.scrape()).sum('servauth_ready')).toBe(1)
  })
})

test('several processes are scraped as one, and the counts of a dead one stay', async () => {
  const server = await start({ WORKERS: '2', THROTTLE: 'off' })
  const { client } = await server.registerUser()
  // A new connection for each request, so that both processes get some.
  const ask = () =>
    fetch(`${server.url}/auth/me`, {
      headers: { connection: 'close', ...bearer(client.kept.accessToken) },
    })
  for (let count = 0; count < 40; count++) expect((await ask()).status).toBe(200)

  const before = await server.scrape()
  expect(before.sum(REQUESTS, { operation: 'me', code: 'OK' })).toBe(40)
  expect(before.sum('servauth_processes')).toBe(2)
  expect(before.sum('servauth_ready')).toBe(1)

  process.kill((await childrenOf(server.pid))[0] ?? 0, 'SIGKILL')
  await expect.poll(async () => (await server.scrape()).sum('servauth_processes')).toBe(2)
  await server.untilReady()

  const after = await server.scrape()
  expect(after.sum(REQUESTS, { operation: 'me', code: 'OK' })).toBe(40)
  expect(after.sum('process_start_time_seconds')).toBeGreaterThan(before.sum('process_start_time_seconds'))
  expect(await server.stop()).toEqual({ code: 0, signal: null })
})

test('a document whose fragments fan out does not slow a server with metrics down', async () => {
  const server = await start()
  const levels = Array.from({ length: 80 }, (_, n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`)

  const query = `{ ...F0 } ${levels.join(' ')} fragment F80 on Query { me { id } }`
  const answer = await server.askGraphQL({ query })
  const alive = await fetch(`${server.url}/health`)

  expect((await answer.json()).data).toEqual({ me: null })
  expect(alive.status).toBe(200)
  await server.stop()
})

test('a METRICS_PORT that is in use is named', async () => {
  const port = await freePort()
  const taken = Bun.serve({ port, fetch: () => new Response() })
  const server = await launchProgram({ METRICS_PORT: String(port), DATABASE_URL: database.url })

  expect(await server.exited).toMatchObject({ code: 1 })
  expect(server.output()).toContain(`METRICS_PORT ${port} is in use`)
  await taken.stop(true)
})
