import fc from 'fast-check'
import { type GraphQLOutputType, getNamedType, isObjectType } from 'graphql'
import { describe, expect, test } from 'vitest'
import type { Operation as Definition } from '../src/contract/operation.ts'
import { operations } from '../src/contract/operations.ts'
import { PERMISSIONS, type Permission } from '../src/contract/permissions.ts'
import { schema } from '../src/graphql/schema/schema.ts'
import { addRole, registerAdministrator } from './support/administrator.ts'
import { ADAPTERS, type Adapter, type Answer, type Client, type Operation } from './support/client.ts'
import { wellFormed } from './support/hostile.ts'
import { send } from './support/send.ts'
import { startServer, useServer } from './support/server.ts'
import { insertServiceKey } from './support/service-key.ts'

const server = useServer()
const permissions = Object.keys(PERMISSIONS) as Permission[]
const administration = Object.entries<Definition>(operations).flatMap(([name, { permission }]) =>
  permission ? [{ name: name as Operation, permission }] : [],
)

/** What keeps a caller from an operation; null if it gets through, to whatever answer. */
function refusalOf({ code, permission }: Answer<unknown>, needed: Permission) {
  if (code === 'FORBIDDEN') return permission === needed ? code : null
  return code === 'UNAUTHENTICATED' || code === 'REAUTHENTICATION_REQUIRED' ? code : null
}

/** The object types that an answer can contain. */
function reachableTypes(of?: GraphQLOutputType, seen = new Set<string>()): string[] {
  const type = of && getNamedType(of)
  if (isObjectType(type) && !seen.has(type.name)) {
    seen.add(type.name)
    for (const field of Object.values(type.getFields())) reachableTypes(field.type, seen)
  }
  return [...seen]
}

async function prove(email: string, columns: object) {
  await server.sql`update sessions set ${server.sql(columns)}
    where user_id = (select id from users where email = ${email})`
  await server.catchUp()
}

/** All kinds of callers, and what keeps each from an operation with a permission. */
async function createCallers(adapter: Adapter) {
  const past = new Date(Date.now() - 16 * 60_000)
  const user = await registerAdministrator(server, [], adapter)
  const aal1 = await registerAdministrator(server, ['admin'], adapter)
  await prove(aal1.email, { factor_at: null })
  const longAgo = await registerAdministrator(server, ['admin'], adapter)
  await prove(longAgo.email, { factor_at: past, authenticated_at: past })
  const fresh = await registerAdministrator(server, ['admin'], adapter)
  const holders: { held: Permission; client: Client }[] = []
  for (const held of permissions) {
    await addRole(server, `${adapter}-${held}`, [held])
    holders.push({
      held,
      client: (await registerAdministrator(server, [`${adapter}-${held}`], adapter)).client,
    })
  }
  const keys = await Promise.all(
    permissions.map(async (scope) => ({ scope, ...(await insertServiceKey(server.sql, [scope])) })),
  )
  const anonymous = server.client(adapter)
  type Call = (name: Operation, input: unknown) => Promise<Answer<unknown>>
  type Caller = { who: string; call: Call; expected: (needed: Permission) => string | null }
  const as =
    (client: Client): Call =>
    (name, input) =>
      client.call(name, input)
  const callers: Caller[] = [
    { who: 'anonymous', call: as(anonymous), expected: () => 'UNAUTHENTICATED' },
    { who: 'a user', call: as(user.client), expected: () => 'FORBIDDEN' },
    { who: 'aal1', call: as(aal1.client), expected: () => 'REAUTHENTICATION_REQUIRED' },
    { who: 'aal2 long ago', call: as(longAgo.client), expected: () => 'REAUTHENTICATION_REQUIRED' },
    ...holders.map(({ held, client }) => ({
      who: `a role with ${held}`,
      call: as(client),
      expected: (needed: Permission) => (needed === held ? null : 'FORBIDDEN'),
    })),
    ...keys.map(({ scope, key }) => ({
      who: `a key with ${scope}`,
      call: ((name, input) => anonymous.call(name, input, { bearer: key })) as Call,
      expected: (needed: Permission) => (needed === scope ? null : 'FORBIDDEN'),
    })),
    { who: 'a fresh administrator', call: as(fresh.client), expected: () => null },
  ]
  return callers
}

test('every root field of the schema is an operation, and all of administration have a permission', () => {
  const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
    Object.keys(type?.getFields() ?? {}),
  )
  const all = Object.entries<Definition>(operations)

  expect(fields.sort()).toEqual(Object.keys(operations).sort())
  for (const [name, { tag, permission, rest }] of all) {
    const isAdministration = tag === 'Administration' || rest.path.startsWith('/auth/admin/')
    expect(permission !== undefined, name).toBe(isAdministration)
  }
})

test('what one permission reads, an operation with another does not answer', () => {
  const shown = administration.map(({ name, permission }) => {
    const { type } =
      schema.getQueryType()?.getFields()[name] ?? schema.getMutationType()?.getFields()[name] ?? {}
    return { name, permission, types: reachableTypes(type) }
  })
  const areaOf = (permission: Permission) => permission.split(':')[0]
  const readers = shown.filter(({ permission }) => permission.endsWith(':read'))
  const foreign = shown.flatMap(({ name, permission, types }) =>
    types.flatMap((type) => {
      const areas = readers
        .filter((reader) => reader.types.includes(type))
        .map((one) => areaOf(one.permission))
      return areas.length === 0 || areas.includes(areaOf(permission)) ? [] : [`${name} answers ${type}`]
    }),
  )

  expect(readers.flatMap(({ types }) => types)).toContain('ManagedUser')
  expect(foreign).toEqual([])
})

describe.each(ADAPTERS)('the permission matrix by %s', (adapter) => {
  test('each operation answers each caller as its permission says', async () => {
    const callers = await createCallers(adapter)

    const wrong: string[] = []
    for (const { name, permission } of administration) {
      const inputs = fc.sample(wellFormed(name), callers.length)
      for (const [index, { who, call, expected }] of callers.entries()) {
        const found = refusalOf(await call(name, inputs[index]), permission)
        if (found !== expected(permission)) wrong.push(`${name} by ${who}: ${found}`)
      }
    }

    expect(wrong).toEqual([])
  })
})

test('aliases, fragments and fields beside each other reach nothing more', async () => {
  await addRole(server, 'role-reader', ['roles:read'])
  const { client } = await registerAdministrator(server, ['role-reader'], 'GraphQL')
  const ask = (query: string) => server.askGraphQL({ query }, { cookie: client.kept.cookie ?? '' })

  const answers = [
    await ask('{ a: roles { name } b: users { edges { node { email } } } }'),
    await ask('query { ...All } fragment All on Query { users { totalCount } roles { name } }'),
    await ask('{ roles { name } ... on Query { events: auditEvents { edges { node { kind } } } } }'),
    await ask(
      'mutation { one: endUserSessions(id: "x") two: putRole(input: { name: "y", permissions: ["*"] }) { name } }',
    ),
  ]

  for (const answer of answers) {
    const { data, errors } = await answer.json()
    expect(data).toBeNull()
    expect(errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code)).toContain(
      'FORBIDDEN',
    )
  }
})

test('no spelling of a path, no other method and no header of a proxy reaches an operation', async () => {
  const { client, user } = await registerAdministrator(server, ['admin'])
  await prove(user.email, { factor_at: null })
  const body = JSON.stringify({ id: user.id, email: 'x@example.com', name: 'x', roles: [], permissions: [] })
  const reached: string[] = []
  for (const { name } of administration) {
    const { method, path: pattern } = (operations[name] as Definition).rest
    const path = pattern.replaceAll(/:\w+/g, user.id)
    const spellings = [
      ...[path, `${path}/`, `/${path}`, `${path};x=1`, `${path}%00`, `${path}.json`, `${path}?x=1`],
      ...['ADMIN', '%61dmin', './admin', 'x/../admin', '/admin'].map((text) => path.replace('admin', text)),
      ...[path.replace('/auth/', '/auth%2f'), path.replace('/auth/', '/auth\\')],
    ]
    for (const spelling of spellings) {
      for (const sent of new Set([method, 'HEAD', 'POST', 'PUT'])) {
        const headers = {
          cookie: client.kept.cookie ?? '',
          origin: server.env.PUBLIC_URL,
          'content-type': 'application/json',
          'x-http-method-override': method,
          'x-original-url': path,
          'x-forwarded-uri': path,
        }
        const init = { method: sent, headers, ...(!['GET', 'HEAD'].includes(sent) && { body }) }
        const { status } = await send(server.app, spelling, init)
        if (status < 400 || status >= 500) reached.push(`${name}: ${sent} ${spelling} ${status}`)
      }
    }
  }

  expect(reached).toEqual([])
})

describe('ADMIN_PORT', () => {
  test('keeps administration off the main port, and from the schema there', async () => {
    const own = await startServer({ ADMIN_PORT: '3999', INTROSPECTION: 'true' })
    const admin = await registerAdministrator(own)
    const cookie = admin.client.kept.cookie ?? ''
    const here = (path: string) => send(own.app, path, { headers: { cookie } })
    const there = (path: string) => own.adminApp && send(own.adminApp, path, { headers: { cookie } })

    expect((await here('/auth/admin/roles')).status).toBe(404)
    expect((await there('/auth/admin/roles'))?.status).toBe(200)
    expect(
      (await (await own.askGraphQL({ query: '{ roles { name } }' }, { cookie })).json()).errors[0].message,
    ).toContain('Cannot query field')
    const sdl = await (await here('/schema.graphql')).text()
    expect(sdl).not.toMatch(/ManagedUser|putRole|AuditEvent/)
    expect(sdl).toContain('acceptInvitation')
    expect(await (await here('/openapi.json')).text()).not.toContain('/auth/admin')
    expect(await (await there('/schema.graphql'))?.text()).toContain('ManagedUser')
  })

  test('off serves it nowhere', async () => {
    const own = await startServer({ ADMIN_PORT: 'off' })
    const admin = await registerAdministrator(own)

    expect((await admin.client.call('roles')).code).toBe('NOT_FOUND')
    expect(own.adminApp).toBeUndefined()
  })
})
