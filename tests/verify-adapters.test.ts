import { createServer } from 'node:http'
import { createClient } from 'graphql-ws'
import { createSchema, createYoga } from 'graphql-yoga'
import { Hono } from 'hono'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import WebSocket from 'ws'
import { servauthConnection } from '../packages/verify/src/adapters/graphql-ws.ts'
import { servauth } from '../packages/verify/src/adapters/hono.ts'
import { type Caller, createVerifier, requireFresh } from '../packages/verify/src/index.ts'
import { useAuthServer } from './support/examples.ts'
import { portOf } from './support/net.ts'
import { useProject } from './support/project.ts'
import { createKeySetting } from './support/service-key.ts'
import { startService, untilKnown } from './support/service-pages.ts'

const { key, settings } = createKeySetting()
const auth = useAuthServer({ ...settings, ACCESS_TOKEN_SECONDS: '900' })
const project = useProject()

const start = (name: string) => startService(project, name, { issuer: auth.url, key })
const bearer = (token?: string | null) => (token ? { authorization: `Bearer ${token}` } : {})

function ask(origin: string, token?: string | null) {
  return untilKnown(() => fetch(`${origin}/caller`, { headers: bearer(token) }))
}

function askGraphQL(path: string, query = '{ caller }') {
  return (origin: string, token?: string | null) =>
    untilKnown(() =>
      fetch(`${origin}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearer(token) },
        body: JSON.stringify({ query }),
      }),
    )
}

const STACKS = [
  ['hono', ask],
  ['express', ask],
  ['fastify', ask],
  ['yoga', askGraphQL('/graphql')],
  ['apollo-server', askGraphQL('/')],
] as const

test.each(STACKS)(
  '%s serves a live session and refuses it after its end, from the packed package',
  async (name, request) => {
    const { origin } = await start(name)
    const { client, user } = await auth.registerUser()
    const token = client.kept.accessToken

    const served = await request(origin, token)
    const without = await request(origin)
    const invalid = await request(origin, `${token}x`)
    await client.call('logout')
    await expect.poll(async () => (await request(origin, token)).status).toBe(401)
    const ended = await request(origin, token)

    expect([served.status, await served.text()]).toEqual([200, expect.stringContaining(user.id)])
    expect([without.status, without.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(invalid.headers.get('www-authenticate')).toContain('error="invalid_token"')
    expect(await ended.text()).toMatch(/"code":"UNAUTHENTICATED","reason":"REVOKED"/)
  },
)

test('the plugin guards a Hive Gateway', async () => {
  const schema = createSchema({
    typeDefs: 'type Query { caller: String }',
    resolvers: { Query: { caller: () => 'from upstream' } },
  })
  const yoga = createYoga({ schema, logging: false })
  const upstream = createServer((request, response) => void yoga(request, response)).listen(0)
  onTestFinished(() => void upstream.close())
  const here = { 'http://localhost:4001': `http://localhost:${await portOf(upstream)}` }
  const { origin } = await startService(project, 'hive-gateway', { issuer: auth.url, key, here })
  const { client } = await auth.registerUser()
  const token = client.kept.accessToken
  const request = askGraphQL('/graphql')

  const served = await request(origin, token)
  const without = await request(origin)
  await client.call('logout')
  await expect.poll(async () => (await request(origin, token)).status).toBe(401)

  expect([served.status, await served.json()]).toEqual([200, { data: { caller: 'from upstream' } }])
  expect(without.status).toBe(401)
})

test('the package works on Node too', async () => {
  const { origin } = await startService(project, 'express', { issuer: auth.url, key, runtime: 'node' })
  const { client } = await auth.registerUser()
  const token = client.kept.accessToken

  const served = await ask(origin, token)
  await client.call('logout')
  await expect.poll(async () => (await ask(origin, token)).status).toBe(401)

  expect(served.status).toBe(200)
})

describe('requireFresh (RFC 9470)', () => {
  test('a caller who signed in with one factor is asked for two', async () => {
    const { origin } = await start('hono')
    const { client } = await auth.registerUser()

    const answer = await untilKnown(() =>
      fetch(`${origin}/payout`, { method: 'POST', headers: bearer(client.kept.accessToken) }),
    )

    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe(
      'Bearer error="insufficient_user_authentication", error_description="Sign in again to do this.", ' +
        'acr_values="aal2", max_age="300"',
    )
  })

  test.each([true, false])(
    'a refusal of a route of Hono is no fault in the log (its own onError: %s)',
    async (own) => {
      const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
      onTestFinished(() => logged.mockRestore())
      const verifier = createVerifier({ issuer: auth.url, freshness: 'token' })
      const caller: Caller = {
        userId: 'ada',
        sessionId: 'one',
        expiresAt: new Date(),
        claims: { acr: 'aal1' },
      }
      const app = new Hono()
      if (own) app.onError((_fault, c) => c.text('a fault', 500))
      app.use(servauth(verifier, { required: false }))
      app.get('/', () => {
        requireFresh(caller, { acr: 'aal2' })
        return new Response()
      })

      const answer = await app.request('/')

      expect([answer.status, answer.headers.get('content-type')]).toEqual([401, 'application/problem+json'])
      expect(answer.headers.get('www-authenticate')).toContain('acr_values="aal2"')
      expect(await answer.json()).toMatchObject({ code: 'REAUTHENTICATION_REQUIRED', acr: 'aal2' })
      expect(logged).not.toHaveBeenCalled()
    },
  )

  test.each([
    ['yoga', '/graphql'],
    ['apollo-server', '/'],
  ])('a resolver of %s refuses with the status, the challenge and the code', async (name, path) => {
    const { origin } = await start(name)
    const { client } = await auth.registerUser()

    const answer = await askGraphQL(path, 'mutation { payout }')(origin, client.kept.accessToken)

    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="insufficient_user_authentication"'),
    ])
    expect(await answer.json()).toMatchObject({
      errors: [
        {
          message: 'Sign in again to do this.',
          path: ['payout'],
          extensions: { code: 'REAUTHENTICATION_REQUIRED', acr: 'aal2', maxAge: 300 },
        },
      ],
    })
  })
})

test('a subscription over server-sent events completes when its session ends', async () => {
  const { origin } = await start('yoga')
  const { client } = await auth.registerUser()

  const answer = await untilKnown(() =>
    fetch(`${origin}/graphql`, {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        ...bearer(client.kept.accessToken),
      },
      body: JSON.stringify({ query: 'subscription { ticks }' }),
    }),
  )
  let text = ''
  const done = (async () => {
    for await (const chunk of answer.body ?? []) text += new TextDecoder().decode(chunk)
  })()
  await expect.poll(() => text).toContain('"ticks":2')
  await client.call('logout')
  await done

  expect(text).toContain('event: complete')
})

test('a connection of graphql-ws is closed with 4403 when its session ends', async () => {
  const { origin } = await start('graphql-ws')
  const { client } = await auth.registerUser()
  const closed = Promise.withResolvers<{ code: number }>()
  const ticks: unknown[] = []
  const connection = createClient({
    url: `${origin.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: bearer(client.kept.accessToken),
    retryAttempts: 0,
    on: { closed: (event) => closed.resolve(event as { code: number }) },
  })
  connection.subscribe(
    { query: 'subscription { ticks }' },
    { next: (tick) => ticks.push(tick), error: () => {}, complete: () => {} },
  )
  await expect.poll(() => ticks.length).toBeGreaterThan(1)

  await client.call('logout')

  expect((await closed.promise).code).toBe(4403)
})

test('a connection of graphql-ws without a token is closed with 4403', async () => {
  const { origin } = await start('graphql-ws')
  const closed = Promise.withResolvers<{ code: number }>()
  const connection = createClient({
    url: `${origin.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazy: false,
    onNonLazyError: () => {},
    on: { closed: (event) => closed.resolve(event as { code: number }) },
  })

  expect((await closed.promise).code).toBe(4403)
  await connection.dispose()
})

test('a connection of graphql-ws that closes while its token is checked is not watched', async () => {
  const { client } = await auth.registerUser()
  const verifier = createVerifier({ issuer: auth.url, url: auth.url, serviceKey: key })
  onTestFinished(() => verifier.close())
  verifier.start()
  await expect.poll(() => verifier.isProven()).toBe(true)
  const { onConnect, onClose } = servauthConnection(verifier)
  const ends: string[] = []
  const open = (name: string) => {
    const extra = { socket: { close: () => ends.push(name) } }
    const connectionParams = { authorization: `Bearer ${client.kept.accessToken}` }
    return { extra, connected: onConnect({ connectionParams, extra }) }
  }

  const gone = open('gone')
  onClose(gone)
  const stays = open('stays')
  expect(await Promise.all([gone.connected, stays.connected])).toEqual([undefined, true])
  await client.call('logout')

  await expect.poll(() => ends.length).toBeGreaterThan(0)
  expect(ends).toEqual(['stays'])
})
