import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createFeed } from '../packages/verify/src/feed/feed.ts'
import { createVerifier } from '../packages/verify/src/index.ts'
import { bearer } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { openAuthServer } from './support/examples.ts'
import { portOf } from './support/net.ts'
import { type Project, useProject } from './support/project.ts'
import { createProxy } from './support/proxy.ts'
import { openForTest, useResource } from './support/resource.ts'
import { createKeySetting } from './support/service-key.ts'
import { startService, untilKnown } from './support/service-pages.ts'

const { key, settings } = createKeySetting()
const SETTINGS = { ...settings, ACCESS_TOKEN_SECONDS: '900' }
const auth = useResource(() => openAuthServer(SETTINGS))
const project: Project = useProject()

/** A service behind a proxy, a live user, and a user whose session ends during the fault. */
async function startFaulty(server = auth) {
  const proxy = await createProxy(server.url)
  onTestFinished(() => proxy.close())
  const { origin } = await startService(project, 'hono', { issuer: server.url, key, url: proxy.url })
  const [ended, live] = [await server.registerUser(), await server.registerUser()]
  const ask = async ({ client }: typeof live) => {
    const answer = await fetch(`${origin}/caller`, {
      headers: bearer(client.kept.accessToken),
    })
    return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.text() }
  }
  for (const person of [ended, live]) expect((await untilKnown(() => ask(person))).status).toBe(200)
  return { proxy, ended, live, ask }
}

type Faulty = Awaited<ReturnType<typeof startFaulty>>

/** Once a service does not know what has ended, it says so, and it serves no token until it knows again. */
async function expectUnavailable({ ask, ended, live }: Faulty) {
  await expect.poll(async () => (await ask(live)).status, { interval: 20 }).toBe(503)
  for (let turn = 0; turn < 20; turn++) {
    for (const person of [ended, live]) {
      const { status, retryAfter } = await ask(person)
      expect([status, retryAfter]).toEqual([503, '1'])
    }
    await Bun.sleep(50)
  }
}

async function expectRecovered({ ask, ended, live }: Faulty) {
  await expect.poll(async () => (await ask(live)).status).toBe(200)
  const { status, body } = await untilKnown(() => ask(ended))
  expect([status, body]).toEqual([401, expect.stringContaining('REVOKED')])
}

test.each<[name: string, begin: (proxy: Faulty['proxy']) => void]>([
  ['is frozen', (proxy) => proxy.freeze()],
  ['is cut', (proxy) => proxy.cut()],
  ['is delayed by five seconds', (proxy) => proxy.slow(5000)],
])('while the feed %s, a service answers 503, and knows afterwards what has ended', async (_name, begin) => {
  const faulty = await startFaulty()

  begin(faulty.proxy)
  await faulty.ended.client.call('logout')
  await expectUnavailable(faulty)
  faulty.proxy.restore()

  await expectRecovered(faulty)
})

test('while the server is killed, a service answers 503, and not 401', async () => {
  const server = await openForTest(() => openAuthServer(SETTINGS))
  const faulty = await startFaulty(server)

  await server.stop()
  await expectUnavailable(faulty)
  await server.start()
  await faulty.ended.client.call('logout')
  await expect.poll(async () => (await faulty.ask(faulty.ended)).status).toBe(401)

  await expectRecovered(faulty)
})

test('while PostgreSQL is away, a service answers 503, and knows afterwards what plain SQL has ended', async () => {
  const database = await openForTest(async () => {
    const opened = await createDatabase()
    return { ...opened, close: opened.drop }
  })
  const connection = await createProxy(database.url)
  onTestFinished(() => connection.close())
  const server = await openForTest(() => openAuthServer({ ...SETTINGS, DATABASE_URL: connection.url }))
  const faulty = await startFaulty(server)

  connection.cut()
  await database.sql`delete from sessions where id = ${faulty.ended.session.id}`
  await expectUnavailable(faulty)
  connection.restore()

  await expectRecovered(faulty)
})

test('a feed that was recorded before proves nothing', async () => {
  const { origin, record } = await startReplay()
  const recorded = await record()
  const faulty = await startService(project, 'hono', { issuer: auth.url, key, url: origin })
  const { client } = await auth.registerUser()

  const answers: number[] = []
  for (let turn = 0; turn < 10; turn++) {
    const answer = await fetch(`${faulty.origin}/caller`, {
      headers: bearer(client.kept.accessToken),
    })
    answers.push(answer.status)
  }

  expect(recorded).toContain('event: proof')
  expect(new Set(answers)).toEqual(new Set([503]))
})

/** Answers every request for the feed with an earlier answer, and passes other requests on. */
async function startReplay() {
  let recorded = ''
  async function answerRequest(request: IncomingMessage, response: ServerResponse) {
    if (request.url?.startsWith('/auth/revocations')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(recorded)
      return
    }
    const answer = await fetch(auth.url + request.url)
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  }
  const server = createServer((request, response) => void answerRequest(request, response)).listen(0)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  async function record() {
    const abort = new AbortController()
    const answer = await fetch(`${auth.url}/auth/revocations?nonce=earlier`, {
      headers: { authorization: `Bearer ${key}` },
      signal: abort.signal,
    })
    for await (const chunk of answer.body ?? []) {
      recorded += new TextDecoder().decode(chunk)
      if (recorded.split('event: proof').length > 3) break
    }
    abort.abort()
    return recorded
  }
  return { origin: `http://localhost:${await portOf(server)}`, record }
}

test('an answer in the place of Servauth that does not end is not read into memory, and the fault says why', async () => {
  const faults: unknown[] = []
  let sent = 0
  const chunk = Buffer.alloc(64 * 1024, 'a')
  const server = createServer((request, response) => {
    const isFeed = request.url?.startsWith('/auth/revocations')
    response.writeHead(200, { 'content-type': isFeed ? 'text/event-stream' : 'application/json' })
    if (isFeed) response.write('event: ')
    const write = () => {
      while (!response.destroyed) {
        sent += chunk.length
        if (!response.write(chunk)) break
      }
    }
    response.on('drain', write)
    write()
  })
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${await portOf(server)}`
  const { client } = await auth.registerUser()
  const verifier = createVerifier({
    issuer: auth.url,
    url,
    serviceKey: key,
    onFault: (fault) => faults.push(fault),
  })
  onTestFinished(() => verifier.close())

  verifier.start()
  const refusal: unknown = await verifier
    .verify(client.kept.accessToken ?? '')
    .catch((fault: unknown) => fault)
  await expect.poll(() => faults.length).toBeGreaterThan(0)

  expect(refusal).toMatchObject({
    status: 503,
    cause: { message: `The answer of ${url}/.well-known/jwks.json has more than 65536 bytes` },
  })
  expect(faults[0]).toMatchObject({ message: 'The feed has an event of more than 4096 characters' })
  verifier.close()
  // What the buffers of two connections take, and no more.
  expect(sent).toBeLessThan(64 * 1024 * 1024)
})

test('after a suspension of its machine, a service trusts no proof longer than before', async () => {
  let say = (_name: string, _data: object) => {}
  let openedAt = 0
  /** The time of the server's clock, which goes on while this machine is suspended. */
  const at = () => 1000 + performance.now() - openedAt
  let connections = 0
  const feed = createFeed({
    url: 'http://localhost/auth/revocations',
    serviceKey: key,
    onEvent: () => false,
    onFault: () => {},
    async fetch(url) {
      if (++connections > 1) throw new Error('The server is not reachable')
      const nonce = new URL(String(url)).searchParams.get('nonce')
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          say = (name, data) =>
            controller.enqueue(new TextEncoder().encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`))
          openedAt = performance.now()
          say('open', { nonce, at: at() })
        },
      })
      return new Response(body)
    },
  })
  onTestFinished(feed.close)
  feed.start()
  await expect.poll(() => connections).toBe(1)
  const hearProof = async () => {
    say('proof', { at: at(), age: 10, sent: 0 })
    await Bun.sleep(1)
    return feed.isProven()
  }
  await expect.poll(hearProof).toBe(true)

  const clock = Date.now.bind(Date)
  const later = vi.spyOn(Date, 'now').mockImplementation(() => clock() + 60_000)
  onTestFinished(() => later.mockRestore())
  expect(feed.isProven()).toBe(false)
  // Its next words are the last.
  say('proof', { at: at() + 60_000, age: 10, sent: 0 })
  await Bun.sleep(1500)

  expect(feed.isProven()).toBe(false)
})
