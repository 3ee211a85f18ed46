import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { createEnded } from '../packages/verify/src/feed/ended.ts'
import { addRole, registerAdministrator } from './support/administrator.ts'
import { ADAPTERS, type Client } from './support/client.ts'
import { createFile } from './support/folder.ts'
import { listenToFeed } from './support/revocations.ts'
import { send } from './support/send.ts'
import { startServer, useServer } from './support/server.ts'
import { createKeySetting } from './support/service-key.ts'

const { key, settings } = createKeySetting()
const server = useServer(settings)

const claimsOf = (client: Client) => decodeJwt(client.kept.accessToken ?? '')
const setUser = (email: string, columns: Record<string, unknown>) =>
  server.sql`update users set ${server.sql(columns)} where email = ${email}`

/** What a service with the package says about the token of a client: the roles in it, or why it is refused. */
async function startService() {
  const ended = createEnded(() => {})
  const ask = async (url: string, init: RequestInit) => send(server.app, url, init)
  const feed = await listenToFeed({ url: '', key, ask })
  let taken = 0
  return (client: Client) => {
    for (const event of feed.events.slice(taken)) ended.take(event)
    taken = feed.events.length
    const { sub = '', sid, iat = 0, roles = [] } = claimsOf(client)
    return ended.reasonFor({ sub, sid: String(sid), iat }) ?? roles
  }
}

describe.each(ADAPTERS)('a role by %s', (adapter) => {
  test('is in the access token with its permissions, and me shows it', async () => {
    await addRole(server, `editor-${adapter}`, ['posts:write', 'posts:read'])
    const { client, email, user } = await server.registerUser(adapter)
    expect(user.roles).toEqual([])
    expect(Object.keys(claimsOf(client))).not.toContain('roles')

    await setUser(email, { roles: [`editor-${adapter}`] })
    await server.catchUp()

    expect((await client.refresh()).data?.user.roles).toEqual([`editor-${adapter}`])
    expect(claimsOf(client)).toMatchObject({
      roles: [`editor-${adapter}`],
      entitlements: ['posts:read', 'posts:write'],
      scope: 'posts:read posts:write',
    })
    expect((await client.me()).data?.roles).toEqual([`editor-${adapter}`])
  })

  test('that is taken away is felt at once, here and at a service, without a new sign-in', async () => {
    const verify = await startService()
    const { client, email } = await server.registerUser(adapter)
    const other = await server.registerUser(adapter)
    await server.command(`user grant ${email} admin`)
    await server.catchUp()
    expect(await client.me()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'EXPIRED' })
    await client.refresh()
    expect(verify(client)).toEqual(['admin'])

    await setUser(email, { roles: [] })
    await expect.poll(() => verify(client), { interval: 10 }).toBe('EXPIRED')

    await server.catchUp()
    expect(await client.me()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'EXPIRED' })
    expect((await client.refresh()).code).toBeUndefined()
    // The next token is accepted by both, although services refuse the whole second of the change.
    expect(verify(client)).toEqual([])
    expect((await client.me()).data?.roles).toEqual([])
    expect(verify(other.client)).toEqual([])
  })

  test('that allows something else makes the tokens of its holders expire, and of no others', async () => {
    const verify = await startService()
    const name = `fickle-${adapter}`
    await addRole(server, name, ['posts:read'])
    const holder = await server.registerUser(adapter)
    const other = await server.registerUser(adapter)
    await setUser(holder.email, { roles: [name] })
    await server.catchUp()
    await holder.client.refresh()
    expect(verify(holder.client)).toEqual([name])

    await server.sql`update roles set permissions = '{posts:write}' where name = ${name}`
    await expect.poll(() => verify(holder.client), { interval: 10 }).toBe('EXPIRED')

    await server.catchUp()
    expect((await holder.client.me()).reason).toBe('EXPIRED')
    expect((await other.client.me()).data?.email).toBe(other.email)
    await holder.client.refresh()
    expect(verify(holder.client)).toEqual([name])
    expect(claimsOf(holder.client).scope).toBe('posts:write')
  })
})

test.each(['stepUp', 'changePassword'] as const)(
  'the token of %s right after a change of roles is accepted by services',
  async (name) => {
    const verify = await startService()
    await addRole(server, `early-${name}`, ['posts:read'])
    const { client, email, password } = await server.registerUser('REST', 'COOKIE')
    // Services refuse all tokens of the second of a change, so this change leaves most of a second.
    await Bun.sleep(1000 - (Date.now() % 1000))
    await setUser(email, { roles: [`early-${name}`] })
    await expect.poll(() => verify(client), { interval: 10 }).toBe('EXPIRED')

    if (name === 'stepUp') await client.stepUp({ password })
    else await client.changePassword({ currentPassword: password, newPassword: 'another long phrase' })

    expect(verify(client)).toEqual([`early-${name}`])
  },
)

test('a token that was issued while a change of roles was under way is refused after it', async () => {
  const { client, email } = await server.registerUser()
  await server.sql.begin(async (tx) => {
    await tx`update users set claims = '{"plan":"pro"}' where email = ${email}`
    // The transaction has not ended, so this token has the old claims.
    await client.refresh()
  })
  await server.catchUp()

  expect(claimsOf(client).plan).toBeUndefined()
  expect((await client.me()).reason).toBe('EXPIRED')
  await client.refresh()
  expect(claimsOf(client).plan).toBe('pro')
  expect((await client.me()).data?.email).toBe(email)
})

test('CLAIMS and CLAIMS_FILE say what Hasura, PostgREST and others read', async () => {
  const claims = { groups_of: 'roles', tenant: 'claims.org', app: { value: 'shop' } }
  const file = await createFile('claims.json', JSON.stringify(claims))
  const own = await startServer({ CLAIMS: 'hasura,postgrest', CLAIMS_FILE: file })
  await addRole(own, 'editor', ['posts:write'])
  const plain = await own.registerUser()
  const { client, email, input, user } = await own.registerUser()
  await own.sql`update users set roles = '{admin,editor}', claims = ${own.sql.json({ org: 7, 'x-hasura-org-id': '7' })} where email = ${email}`
  await client.login(input)

  expect(claimsOf(client)).toMatchObject({
    role: 'admin',
    groups_of: ['admin', 'editor'],
    tenant: 7,
    app: 'shop',
    org: 7,
    'https://hasura.io/jwt/claims': {
      'x-hasura-user-id': user.id,
      'x-hasura-default-role': 'editor',
      'x-hasura-allowed-roles': ['editor', 'user'],
      'x-hasura-org-id': '7',
    },
  })
  expect(claimsOf(plain.client)).toMatchObject({
    role: 'user',
    'https://hasura.io/jwt/claims': { 'x-hasura-default-role': 'user' },
  })
})

describe('the last administrator', () => {
  test('cannot be removed, disabled or deleted, also not by two requests at once', async () => {
    const own = await startServer()
    const run = (words: string) => own.command(words)
    const [one, two] = [await own.registerUser(), await own.registerUser()]
    await own.sql`update users set roles = '{admin}'`
    await own.catchUp()
    for (const { client } of [one, two]) await client.refresh()

    const deletions = await Promise.all([
      one.client.deleteMe({ password: one.password }),
      two.client.deleteMe({ password: two.password }),
    ])
    const [last] = await own.sql`select email from users`
    const refused = [await run(`user revoke ${last?.email} admin`), await run(`user disable ${last?.email}`)]

    expect(deletions.map(({ code }) => code).sort()).toEqual(['FORBIDDEN', undefined])
    for (const { code, output } of refused) {
      expect([code, output]).toEqual([1, expect.stringContaining('This is the last administrator')])
    }
  })

  test('is granted and taken by commands, which are events of the user', async () => {
    const { email, user } = await server.registerUser()
    const unknown = await server.command(`user grant ${email} nosuchrole`)
    const granted = [
      await server.command(`user grant ${email} admin`),
      await server.command(`user grant ${email} admin`),
    ]
    const other = await server.registerUser()
    await server.command(`user grant ${other.email} admin`)
    const revoked = await server.command(`user revoke ${email} admin`)

    expect(unknown).toMatchObject({ code: 1, output: expect.stringContaining('There is no role nosuchrole') })
    expect(granted.map(({ output }) => /(now|already)\./.exec(output)?.[1])).toEqual(['now', 'already'])
    expect(revoked.output).toContain('no longer has the role admin')
    const acts =
      await server.sql`select detail from events where user_id = ${user.id} and kind = 'roles_changed' order by created_at`
    expect(acts.map(({ detail }) => detail)).toEqual(['+admin', '-admin'])
  })
})

test.each(['null', '"text"', '5', '["plan"]'])(
  'claims that are the JSON %s, as after a change by SQL, are none',
  async (json) => {
    const own = await startServer({ CLAIMS: 'hasura' })
    const admin = await registerAdministrator(own, ['admin'], 'GraphQL')
    const { client, user, input } = await own.registerUser()
    await own.sql`update users set claims = ${json}::text::jsonb where id = ${user.id}`
    await own.catchUp()

    const login = await client.login(input)
    const listed = await admin.client.call('users', { search: user.email })
    const found = await admin.client.call('user', { id: user.id })
    const changed = await admin.client.call('setUserClaims', { id: user.id, claims: { plan: 'pro' } })

    expect(login.code).toBeUndefined()
    expect(listed.data?.edges.map(({ node }) => node.claims)).toEqual([{}])
    expect(found.data?.claims).toEqual({})
    expect(changed.data?.claims).toEqual({ plan: 'pro' })
  },
)
