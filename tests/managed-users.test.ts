import { fillPlaceholders } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { userStatement } from '../src/auth/administration/user-list.ts'
import { createDb } from '../src/db/client.ts'
import { addRole, registerAdministrator } from './support/administrator.ts'
import { ADAPTERS, type Client } from './support/client.ts'
import { PATIENT } from './support/database.ts'
import { useServer } from './support/server.ts'

const server = useServer()
const large = useServer()

const emailsOf = ({ data }: Awaited<ReturnType<typeof list>>) => data?.edges.map(({ node }) => node.email)
const sessionOf = async ({ client }: { client: Client }) => (await client.sessions()).data?.[0]?.id
const list = (client: Client, input: object) => client.call('users', input)
/** Over REST, the fields of the filter are beside the others. */
const filterBy = (adapter: string, filter: object) => (adapter === 'REST' ? filter : { filter })

describe.each(ADAPTERS)('administration of users by %s', (adapter) => {
  test('lists users newest first, page by page, while others come and go', async () => {
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    const some = []
    for (let index = 0; index < 5; index++) some.push(await server.registerUser(adapter))
    const newestFirst = some.map(({ email }) => email).reverse()

    const first = await list(client, { first: 2, count: true })
    await server.sql`delete from users where email = ${newestFirst[1] ?? ''}`
    await server.registerUser(adapter)
    const second = await list(client, { first: 2, after: first.data?.pageInfo.endCursor })

    expect(emailsOf(first)).toEqual(newestFirst.slice(0, 2))
    expect(first.data?.totalCount).toBeGreaterThanOrEqual(6)
    expect(emailsOf(second)).toEqual(newestFirst.slice(2, 4))
    expect(second.data).toMatchObject({ totalCount: null, pageInfo: { hasNextPage: true } })
    for (const after of ['nonsense', Buffer.from('["newest","x","y"]').toString('base64url')]) {
      expect(await list(client, { after })).toMatchObject({
        code: 'INVALID_INPUT',
        fields: [{ path: 'after' }],
      })
    }
  })

  test('a page that is too long for one packet arrives whole', async () => {
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    await server.sql`insert into users (email, password, username)
      select 'long-' || n || ${`@${adapter.toLowerCase()}.example.com`}, 'x', repeat('ë', 99) from generate_series(1, 100) as n`

    const { data } = await list(client, { first: 100, search: 'long-' })

    expect(data?.edges).toHaveLength(100)
    expect(new Set(data?.edges.map(({ node }) => node.username))).toEqual(new Set(['ë'.repeat(99)]))
  })

  test('finds users by the beginning of their address or user name, and by filters', async () => {
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    const name = `Zoë ${adapter}`
    const one = server.client(adapter)
    await one.register({
      email: `zo-${adapter.toLowerCase()}-1@example.com`,
      password: 'correct horse battery',
    })
    const two = await server.registerUser(adapter)
    await two.client.updateMe({ username: name })
    await addRole(server, `found-${adapter}`, [])
    await server.sql`update users set roles = ${[`found-${adapter}`]}, disabled_at = now() where email = ${two.email}`

    expect(emailsOf(await list(client, { search: ` ZO-${adapter} ` }))).toEqual([
      `zo-${adapter.toLowerCase()}-1@example.com`,
    ])
    expect(emailsOf(await list(client, { search: `ZOë ${adapter}` }))).toEqual([two.email])
    expect(emailsOf(await list(client, { search: '%' }))).toEqual([])
    const filters = [
      { role: `found-${adapter}` },
      { role: `found-${adapter}`, disabled: true, factor: false, verified: false },
    ]
    for (const filter of filters) {
      expect(emailsOf(await list(client, filterBy(adapter, filter)))).toEqual([two.email])
    }
    const none = filterBy(adapter, { role: `found-${adapter}`, disabled: false })
    expect(emailsOf(await list(client, none))).toEqual([])
    const future = filterBy(adapter, { createdAfter: '2099-01-01T00:00:00Z' })
    expect(emailsOf(await list(client, future))).toEqual([])
    const day = filterBy(adapter, { createdAfter: '2026-11-27' })
    expect((await list(client, day)).fields).toEqual([
      {
        path: adapter === 'REST' ? 'createdAfter' : 'filter.createdAfter',
        message: 'Must be a time such as 2026-11-24T10:15:00Z.',
      },
    ])
  })

  test('finds an address as its user writes it', async () => {
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    const local = `kunde-${adapter.toLowerCase()}`
    await server.sql`insert into users (email, password, username) values
      (${`${local}@xn--bcher-kva.example`}, 'x', ${`${local}@bücher.example`})`

    for (const search of [
      `${local}@bücher.example`,
      ` ${local}@BÜCHER.example`,
      `${local}@xn--bcher-kva.ex`,
    ]) {
      const { data } = await list(client, { search, count: true })

      expect(data?.edges.map(({ node }) => node.email)).toEqual([`${local}@xn--bcher-kva.example`])
      expect(data?.totalCount).toBe(1)
    }
  })

  test('pages through both kinds of matches of a search without a gap', async () => {
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    const prefix = `pager${adapter.toLowerCase()}`
    await server.sql`insert into users (email, password, username)
      select case when n < 5 then ${prefix} || n || '@example.com' else 'other-' || ${prefix} || n || '@example.com' end, 'x',
        case when n > 2 then ${prefix.toUpperCase()} || n end from generate_series(1, 8) as n`

    const seen: string[] = []
    for (let after: string | null | undefined; after !== null; ) {
      const { data } = await list(client, { first: 3, search: prefix, ...(after && { after }) })
      seen.push(...(data?.edges.map(({ node }) => node.email) ?? []))
      after = data?.pageInfo.hasNextPage ? data.pageInfo.endCursor : null
    }

    expect(seen).toEqual([
      ...[1, 2, 3, 4].map((n) => `${prefix}${n}@example.com`),
      ...[5, 6, 7, 8].map((n) => `other-${prefix}${n}@example.com`),
    ])
  })

  test('lists users in the order that is asked for, page by page, while others come and go', async () => {
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    const mark = `ordered-${adapter.toLowerCase()}`
    await addRole(server, mark, [])
    await server.sql`insert into users (email, password, created_at, roles)
      select (array['B', 'a', 'c', 'b', 'é'])[n] || ${`-${mark}@example.com`}, 'x', '2020-01-01'::timestamptz + (n / 2) * interval '1 hour',
        ${[mark]} from generate_series(1, 5) as n`
    const ids =
      await server.sql`select id, email from users where ${mark} = any(roles) order by created_at, id`
    const oldest = ids.map(({ email }) => email)
    const page = async (order: string, after?: string | null) => {
      const { data } = await list(client, {
        first: 2,
        order,
        ...filterBy(adapter, { role: mark }),
        ...(after && { after }),
      })
      return data
    }
    const all = async (order: string) => {
      const seen: string[] = []
      for (let after: string | null | undefined; after !== null; ) {
        const found = await page(order, after)
        seen.push(...(found?.edges.map(({ node }) => node.email) ?? []))
        await server.sql`insert into users (email, password, created_at) values (${crypto.randomUUID()}, 'x', '2020-01-01')`
        after = found?.pageInfo.hasNextPage ? found.pageInfo.endCursor : null
      }
      return seen
    }

    expect(await all('OLDEST')).toEqual(oldest)
    expect(await all('NEWEST')).toEqual(oldest.toReversed())
    expect(await all('ADDRESS')).toEqual(['B', 'a', 'b', 'c', 'é'].map((one) => `${one}-${mark}@example.com`))
    const after = (await page('OLDEST'))?.pageInfo.endCursor
    for (const order of ['NEWEST', 'ADDRESS']) {
      expect(await list(client, { order, after })).toMatchObject({
        code: 'INVALID_INPUT',
        fields: [{ path: 'after' }],
      })
    }
    expect(await list(client, { order: 'OLDEST', search: 'a' })).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [{ path: 'order' }],
    })
    expect((await list(client, { order: 'OLDEST', search: '  ' })).code).toBeUndefined()
  })

  test('shows an account with its sessions, factors and events, and events only with their permission', async () => {
    await addRole(server, `reader-${adapter}`, ['users:read'])
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    const { client: reader } = await registerAdministrator(server, [`reader-${adapter}`], adapter)
    const person = await registerAdministrator(server, [], adapter)

    const { data } = await client.call('user', { id: person.user.id })

    expect(data).toMatchObject({ email: person.email, hasSecondFactor: true, recoveryCodes: 10, waits: [] })
    expect(data?.sessions).toHaveLength(1)
    expect(data?.factors.map(({ kind }) => kind)).toEqual(['TOTP'])
    expect(data?.events?.map(({ kind }) => kind)).toContain('factor_added')
    expect((await reader.call('user', { id: person.user.id })).data?.events).toBeNull()
    for (const id of [crypto.randomUUID(), 'no-id']) {
      expect((await client.call('user', { id })).code).toBe('NOT_FOUND')
    }
  })

  test('disables, enables, signs out and deletes, with an event of both', async () => {
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const { client, user, input, email } = await server.registerUser(adapter)
    const act = (name: 'disableUser' | 'enableUser' | 'endUserSessions' | 'deleteUser') =>
      admin.client.call(name, { id: user.id })

    expect((await act('endUserSessions')).data).toBe(1)
    expect((await client.me()).reason).toBe('REVOKED')
    await client.login(input)
    expect((await act('disableUser')).data).toMatchObject({ email, disabledAt: expect.any(String) })
    expect((await client.me()).reason).toBe('REVOKED')
    expect((await client.login(input)).code).toBe('INVALID_CREDENTIALS')
    expect((await act('enableUser')).data).toMatchObject({ disabledAt: null })
    expect((await client.login(input)).code).toBeUndefined()
    const own = (await client.events(20)).data ?? []
    expect(own.find(({ kind }) => kind === 'account_disabled')?.actorId).toBe(admin.user.id)
    expect((await act('deleteUser')).data).toBe(true)
    expect((await client.me()).reason).toBe('REVOKED')
    expect((await act('deleteUser')).code).toBe('NOT_FOUND')
    const kinds = await server.sql`select kind from events
      where user_id = ${user.id} and actor_id = ${admin.user.id} order by created_at`
    expect(kinds.map(({ kind }) => kind)).toEqual([
      'account_signed_out',
      'account_disabled',
      'account_enabled',
      'account_deleted',
    ])
  })

  test('ends one session of a user, and no other', async () => {
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const { client, user, input } = await server.registerUser(adapter)
    const lost = server.client(adapter)
    const lostId = (await lost.login(input)).data?.session.id ?? ''
    const end = (sessionId: string, id = user.id) => admin.client.call('endUserSession', { id, sessionId })

    for (const [sessionId, id] of [
      [lostId, admin.user.id],
      [crypto.randomUUID(), user.id],
      [user.id, user.id],
      ['no-id', user.id],
      [lostId, crypto.randomUUID()],
      [lostId, 'no-id'],
    ]) {
      expect((await end(sessionId ?? '', id)).code, `${sessionId} of ${id}`).toBe('NOT_FOUND')
    }
    expect((await lost.me()).code).toBeUndefined()
    expect((await end(lostId.toUpperCase(), user.id.toUpperCase())).data).toBe(true)
    expect((await lost.me()).reason).toBe('REVOKED')
    expect((await lost.refresh()).reason).toBe('REVOKED')
    expect((await client.me()).data?.id).toBe(user.id)
    expect((await end(lostId)).code).toBe('NOT_FOUND')
    const acts = await server.sql`select kind, detail from events
      where user_id = ${user.id} and actor_id = ${admin.user.id}`
    expect(acts).toEqual([{ kind: 'session_ended', detail: lostId }])
  })

  test('sets roles and claims, which the next access token says', async () => {
    await addRole(server, `author-${adapter}`, ['posts:write'])
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const { client, user } = await server.registerUser(adapter)
    const setClaims = (claims: object) => admin.client.call('setUserClaims', { id: user.id, claims })

    const roles = { id: user.id, roles: [`author-${adapter}`] }
    expect((await admin.client.call('setUserRoles', roles)).data).toEqual(roles)
    expect((await setClaims({ plan: 'pro' })).data).toEqual({ id: user.id, claims: { plan: 'pro' } })

    expect((await client.me()).reason).toBe('EXPIRED')
    expect((await client.refresh()).data?.user.roles).toEqual([`author-${adapter}`])
    const inherited = { constructor: 'x', toString: { valueOf: [{ hasOwnProperty: 1 }] } }
    expect((await setClaims(inherited)).data?.claims).toEqual(inherited)
    const wrong = [
      { sub: 'x' },
      { Scope: '*' },
      { roles: [] },
      { 'x-hasura-role': 'admin' },
      { big: 'x'.repeat(2048) },
    ]
    const lost = [
      '{"__proto__":1}',
      '{"plan":{"__proto__":{"plan":"pro"}}}',
      '{"plan":[[{"__proto__":null}]]}',
    ]
    for (const claims of [...wrong, ...lost.map((text) => JSON.parse(text))]) {
      expect(await setClaims(claims)).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'claims' }] })
    }
    const changes = await server.sql`
      select detail from events where user_id = ${user.id} and kind = 'claims_changed' order by created_at`
    expect(changes.map(({ detail }) => detail)).toEqual(['+plan', '+constructor +toString -plan'])
    const unknown = await admin.client.call('setUserRoles', { id: user.id, roles: ['nosuchrole'] })
    expect(unknown).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'roles' }] })
  })

  test('does not let an administrator rise above what it holds, or act on one who holds more', async () => {
    const name = `support-${adapter}`
    await addRole(server, name, ['users:read', 'users:write', 'roles:write', 'claims:write'])
    await addRole(server, `boss-${adapter}`, ['users:write', 'mails:write'])
    await addRole(server, `payer-${adapter}`, ['invoices:approve'])
    const { client, user } = await registerAdministrator(server, [name], adapter)
    const boss = await registerAdministrator(server, [`boss-${adapter}`], adapter)
    const payer = await registerAdministrator(server, [`payer-${adapter}`], adapter)
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const give = (id: string, roles: string[]) => client.call('setUserRoles', { id, roles })

    const refused = [
      await give(user.id, [name, 'admin']),
      await give(user.id, [name, `boss-${adapter}`]),
      await give(user.id, [name, `payer-${adapter}`]),
      await give(admin.user.id, []),
      await client.call('setUserClaims', { id: user.id, claims: { plan: 'pro' } }),
      // PostgreSQL reads an id in any case.
      await client.call('setUserClaims', { id: user.id.toUpperCase(), claims: { plan: 'pro' } }),
      await client.call('disableUser', { id: admin.user.id }),
      await client.call('deleteUser', { id: boss.user.id }),
      await client.call('endUserSessions', { id: boss.user.id }),
      await client.call('endUserSession', { id: boss.user.id, sessionId: await sessionOf(boss) }),
    ]

    expect(refused.map(({ code }) => code)).toEqual(refused.map(() => 'FORBIDDEN'))
    // What another service allows makes no administrator of Servauth.
    expect((await client.call('endUserSessions', { id: payer.user.id })).data).toBe(1)
    expect((await give(payer.user.id, [`payer-${adapter}`, name])).data?.roles).toHaveLength(2)
  })
})

test('the lists of administration read an index and only their page, whatever the size of the table', async () => {
  const { sql } = large
  await sql`insert into users (email, password, username, created_at)
    select 'person' || n || '@' || (n % 7) || '.example.com', 'x', case when n % 3 = 0 then 'Name ' || n end,
      now() - n * interval '1 minute'
    from generate_series(1, 30000) as n`
  await sql`analyze users`
  const { db, close } = createDb({ DATABASE_URL: large.env.DATABASE_URL, databaseLimits: PATIENT })
  const id = crypto.randomUUID()
  const older = { key: '2026-01-01 00:00:00+00', id }
  const names = { text: 'name', address: 'name' }
  const pages = {
    newest: [userStatement(db, 'newest', undefined, false), { limit: 51 }],
    middle: [userStatement(db, 'newest', undefined, true), { limit: 51, ...older }],
    oldest: [userStatement(db, 'oldest', undefined, false), { limit: 51 }],
    nextOldest: [userStatement(db, 'oldest', undefined, true), { limit: 51, ...older }],
    addresses: [userStatement(db, 'addresses', undefined, false), { limit: 51 }],
    nextAddresses: [
      userStatement(db, 'addresses', undefined, true),
      { limit: 51, key: 'person125@6.example.com', id },
    ],
    byAddress: [userStatement(db, 'byAddress', undefined, false), { limit: 51, address: 'person12' }],
    nextByAddress: [
      userStatement(db, 'byAddress', undefined, true),
      { limit: 51, address: 'person12', key: 'person125@6.example.com', id },
    ],
    byName: [userStatement(db, 'byName', undefined, false), { limit: 11, ...names }],
    nextByName: [userStatement(db, 'byName', undefined, true), { limit: 11, ...names, key: 'name 12', id }],
  } as const

  for (const [name, [page, values]] of Object.entries(pages)) {
    const { sql: text, params } = page.toSQL()
    const plan = await sql.unsafe(`explain (costs off) ${text}`, fillPlaceholders(params, values) as never[])
    const lines = plan.map((line) => line['QUERY PLAN']).join('\n')
    expect(lines, name).toMatch(/Index (Only )?Scan/)
    expect(lines, name).not.toMatch(/Seq Scan|Sort|Bitmap/)
  }
  await close()
})
