import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { composeServices } from '@theguild/federation-composition'
import { parse } from 'graphql'
import { createSchema, createYoga } from 'graphql-yoga'
import { expect, onTestFinished, test } from 'vitest'
import { ROOT } from '../src/root.ts'
import { bearer } from './support/client.ts'
import { useProject } from './support/project.ts'
import { serveOnPort, startServer, useServer } from './support/server.ts'
import { insertServiceKey } from './support/service-key.ts'
import { startService } from './support/service-pages.ts'

const server = useServer({ FEDERATION: 'true', INTROSPECTION: 'false' })
const project = useProject()

const ask = async (query: string, variables?: object, headers?: Record<string, string>) =>
  (await server.askGraphQL({ query, variables }, headers)).json()

const ENTITIES = `query ($representations: [_Any!]!) {
  _entities(representations: $representations) { __typename ... on User { id email username } }
}`
const entities = (ids: string[], headers: Record<string, string> = {}) =>
  ask(ENTITIES, { representations: ids.map((id) => ({ __typename: 'User', id })) }, headers)

const readSdl = async () => (await ask('{ _service { sdl } }')).data._service.sdl as string

/** The subgraph of docs/services/federation.md, which names users by their ids only. */
const page = await readFile(join(ROOT, 'docs/services/federation.md'), 'utf8')
const ORDERS = /^```graphql\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? ''

function compose(sdl: string, ordersUrl: string, usersUrl: string) {
  return composeServices([
    { name: 'servauth', typeDefs: parse(sdl), url: usersUrl },
    { name: 'orders', typeDefs: parse(ORDERS), url: ordersUrl },
  ])
}

test('the subgraph composes with another one without an error', async () => {
  const sdl = await readSdl()

  const { errors = [], supergraphSdl } = compose(sdl, 'http://orders/', 'http://servauth/')

  expect(errors).toEqual([])
  expect(sdl).toContain('type User @key(fields: "id")')
  expect(supergraphSdl).toMatch(/type User[^{]+@join__type\(graph: SERVAUTH, key: "id"\)/)
})

test('a service gets an imported user, whose id is of no version that RFC 9562 knows', async () => {
  const { key } = await insertServiceKey(server.sql, ['users:read'])
  const id = '00000000-0000-0000-0000-00000000000A'
  await server.sql`insert into users (id, email, password) values (${id}, 'imported@example.com', 'x')`

  const { data } = await entities([id], bearer(key))

  expect(data._entities).toMatchObject([{ id: id.toLowerCase(), email: 'imported@example.com' }])
})

test('an entity is the caller itself, and every other user is null', async () => {
  const [one, other] = [await server.registerUser(), await server.registerUser()]
  const unknown = crypto.randomUUID()

  const answer = await entities([other.user.id, one.user.id, unknown], bearer(one.client.kept.accessToken))
  const stranger = await entities([one.user.id])
  // A proxy on the way may ask for a password of its own, which the browser sends with the cookie.
  const browser = await server.registerUser('REST', 'COOKIE')
  const behindProxy = {
    cookie: `${browser.client.kept.cookie}`,
    authorization: `Basic ${btoa('ada:secret')}`,
  }
  const proxied = await entities([browser.user.id], behindProxy)

  expect(answer).toEqual({
    data: {
      _entities: [null, { __typename: 'User', id: one.user.id, email: one.email, username: null }, null],
    },
  })
  expect(stranger).toEqual({ data: { _entities: [null] } })
  expect(proxied.data._entities).toEqual([expect.objectContaining({ id: browser.user.id })])
})

test('a service with the scope users:read gets other users, and one without it gets none', async () => {
  const [one, other] = [await server.registerUser(), await server.registerUser()]
  const ids = [one.user.id, crypto.randomUUID(), other.user.id]
  const { key } = await insertServiceKey(server.sql, ['users:read'])
  const { key: weak } = await insertServiceKey(server.sql, ['tokens:introspect'])

  const answer = await entities(ids, bearer(key))
  const refused = await entities(ids, bearer(weak))
  const asMe = await ask('{ me { id } }', undefined, bearer(key))

  expect(answer.data._entities.map((user: { email: string } | null) => user?.email)).toEqual([
    one.email,
    undefined,
    other.email,
  ])
  expect(refused).toMatchObject({ data: null, errors: [{ extensions: { code: 'FORBIDDEN' } }] })
  expect(asMe).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'INVALID' } }] })
})

test('an id that is no UUID is null, so that one wrong reference does not hide the users of the others', async () => {
  const { user, email, client } = await server.registerUser()
  const { key } = await insertServiceKey(server.sql, ['users:read'])
  const ids = ["' or true --", user.id, '', '7']

  for (const token of [key, client.kept.accessToken]) {
    const { data } = await entities(ids, bearer(token))
    expect(data?._entities).toMatchObject([null, { id: user.id, email }, null, null])
  }
})

test.each([
  { __typename: 'Session', id: crypto.randomUUID() },
  { __typename: 'User', email: 'ada@example.com' },
])('the representation %j is refused', async (representation) => {
  const { errors } = await ask(ENTITIES, { representations: [representation] })

  expect(errors[0].extensions).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'representations' }] })
})

test('without FEDERATION there is neither field', async () => {
  const plain = await startServer()

  const answer = await plain.fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ _service { sdl } }' }),
  })

  expect(answer.status).toBe(400)
})

test('Hive Gateway joins the orders of another subgraph with the signed-in user', async () => {
  const { client, user, email } = await server.registerUser()
  const other = await server.registerUser()
  const orders = createYoga({
    logging: false,
    schema: createSchema({
      typeDefs: `scalar link__Import scalar FieldSet
        directive @link(url: String!, import: [link__Import]) on SCHEMA
        directive @key(fields: FieldSet!, resolvable: Boolean) on OBJECT ${ORDERS}`,
      resolvers: {
        Query: {
          orders: () => [user, other.user].map(({ id }) => ({ id: `order of ${id}`, customer: { id } })),
        },
      },
    }),
  })
  const listener = Bun.serve({ port: 0, fetch: (request) => orders.fetch(request) })
  onTestFinished(() => listener.stop(true))
  const { supergraphSdl = '' } = compose(
    await readSdl(),
    `http://localhost:${listener.port}/graphql`,
    `${serveOnPort(server)}/graphql`,
  )
  const files = { 'supergraph.graphql': supergraphSdl }
  const { origin } = await startService(project, 'federation', { issuer: '', entry: 'gateway.ts', files })

  const answer = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer(client.kept.accessToken) },
    body: JSON.stringify({ query: '{ me { id } orders { customer { id email } } }' }),
  })

  // The gateway reports the other user as an error too, because an address is never null.
  expect((await answer.json()).data).toEqual({
    me: { id: user.id },
    orders: [{ customer: { id: user.id, email } }, { customer: null }],
  })
})
