import { describe, expect, onTestFinished, test } from 'vitest'
import { createRevocationFeed, MAX_LISTENERS_PER_SERVICE } from '../src/auth/services/revocation-feed.ts'
import { MAX_SERVICE_KEYS } from '../src/auth/services/service-key-changes.ts'
import { createServiceKey } from '../src/auth/services/service-key-secret.ts'
import { createServiceKeys } from '../src/auth/services/service-keys.ts'
import type { Scope } from '../src/contract/service-key.ts'
import { createChanges } from '../src/db/changes/changes.ts'
import { createDb } from '../src/db/client.ts'
import { DATABASE_LIMITS } from '../src/db/limits.ts'
import { addRole, registerAdministrator } from './support/administrator.ts'
import { ADAPTERS, bearer } from './support/client.ts'
import { callCommand } from './support/command.ts'
import { PATIENT } from './support/database.ts'
import { runCommand } from './support/process.ts'
import { createProxy } from './support/proxy.ts'
import { listenToFeed } from './support/revocations.ts'
import { serveOnPort, startServer, useServer } from './support/server.ts'
import { createKeySetting, insertServiceKey } from './support/service-key.ts'
import { pause } from './support/time.ts'

const server = useServer()

const createKey = (...scopes: Scope[]) => insertServiceKey(server.sql, scopes.length > 0 ? scopes : undefined)

const introspect = (key: string, from: Pick<typeof server, 'fetch'> = server) =>
  from.fetch('/auth/introspect', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer(key) },
    body: JSON.stringify({ token: 'nonsense' }),
  })
const statusOf = async (key: string) => (await introspect(key)).status

describe('a service key', () => {
  test('works on a running server from its creation to its revocation', async () => {
    const created = await server.command('service-key create orders --expires 2099-01-01')
    const key = /servauth_[0-9A-Za-z]{46}/.exec(created.output)?.[0] ?? ''

    const before = await statusOf(key)
    const listed = await server.command('service-key list')
    const id = listed.output.slice(0, 36)
    const revoked = await server.command(`service-key revoke ${id}`)
    await server.catchUp()

    expect(before).toBe(200)
    expect(listed.output).toContain(`${id}  orders: tokens:introspect, revocations:read`)
    expect(revoked.code).toBe(0)
    expect(await statusOf(key)).toBe(401)
    expect((await server.command('service-key list')).output).toContain('revoked')
    expect((await server.command(`service-key revoke ${id}`)).output).toContain('There is no key with the id')
  })

  test('does only what its scopes allow', async () => {
    const { key } = await createKey('revocations:read')

    const refused = await introspect(key)

    expect([refused.status, await refused.json()]).toEqual([
      403,
      expect.objectContaining({
        code: 'FORBIDDEN',
        detail: 'The service key does not have the scope tokens:introspect.',
      }),
    ])
    const listening = await server.fetch('/auth/revocations?nonce=%20', { headers: bearer(key) })
    // The scope was right, so the input was read.
    expect(listening.status).toBe(400)
  })

  test('stops working when it expires or when plain SQL deletes it', async () => {
    const [short, deleted] = [await createKey(), await createKey()]
    expect([await statusOf(short.key), await statusOf(deleted.key)]).toEqual([200, 200])

    await server.sql`update service_keys set expires_at = now() - interval '1 second' where id = ${short.id}`
    await server.sql`delete from service_keys where id = ${deleted.id}`
    await server.catchUp()

    expect([await statusOf(short.key), await statusOf(deleted.key)]).toEqual([401, 401])
  })

  test('is no credential of a user, and a token of a user is no service key', async () => {
    const { key } = await createKey()
    const { client } = await server.registerUser()

    const asUser = await server.client().call('me', undefined, { bearer: key })
    const forwarded = await server.fetch('/auth/forward', { headers: bearer(key) })

    expect([asUser.code, asUser.reason, forwarded.status]).toEqual(['UNAUTHENTICATED', 'INVALID', 401])
    for (const token of [client.kept.accessToken, client.kept.refreshToken]) {
      expect(await statusOf(`${token}`)).toBe(401)
    }
  })

  test('is stored as a hash, and its last use is written once', async () => {
    const { key, id } = await createKey()
    for (let use = 0; use < 3; use++) await introspect(key)
    const lastUse = () => server.sql`select last_used_at as at, xmin::text from service_keys where id = ${id}`
    await expect.poll(async () => (await lastUse())[0]?.at).toBeInstanceOf(Date)
    const [written] = await lastUse()

    await introspect(key)

    expect((await lastUse())[0]?.xmin).toBe(written?.xmin)
    expect(await server.dump()).not.toContain(key.slice('servauth_'.length))
  })

  test('that is known needs no query, and one that is not is 503 while the table cannot be read', async () => {
    const own = await startServer({}, { limits: DATABASE_LIMITS })
    const { key } = await insertServiceKey(own.sql)
    const askFor = async (key: string) => (await introspect(key, own)).status
    // The first connection of the listener is a gap, after which the keys are read again.
    await own.catchUp()
    await askFor(key)

    await own.sql.begin(async (tx) => {
      await tx`lock table service_keys in access exclusive mode`
      // A busy machine may be too late for a moment to prove that no key has changed.
      await expect.poll(() => askFor(key)).toBe(200)
      expect(await askFor(createServiceKey().key)).toBe(503)
      expect(await askFor('nonsense')).toBe(401)
    })
  })

  test('that is revoked ends the streams that were opened with it', async () => {
    const [revoked, other] = [await createKey(), await createKey()]
    const url = serveOnPort(server)
    const [ended, kept] = await Promise.all([revoked, other].map(({ key }) => listenToFeed({ url, key })))
    await ended?.until(({ name }) => name === 'proof')

    await server.sql`update service_keys set revoked_at = now() where id = ${revoked.id}`

    await expect.poll(() => ended?.state.ended).toBe(true)
    await kept?.until(({ name }) => name === 'proof', kept.events.length)
    expect(kept?.state.ended).toBe(false)
  })
})

describe.each(ADAPTERS)('by %s, an administrator', (adapter) => {
  test('creates a key, which works at once, lists it without the key, and revokes it', async () => {
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    const input = { name: 'billing', scopes: ['tokens:introspect'], expiresAt: '2099-12-31T00:00:00Z' }

    const created = (await client.call('createServiceKey', input)).data
    const status = await statusOf(`${created?.key}`)
    const listed = (await client.call('serviceKeys')).data?.find(({ id }) => id === created?.serviceKey.id)
    const revoked = await client.call('revokeServiceKey', { id: created?.serviceKey.id })
    await server.catchUp()

    expect(status).toBe(200)
    expect(listed).toMatchObject({
      name: 'billing',
      scopes: ['tokens:introspect'],
      valid: true,
      revokedAt: null,
    })
    expect(revoked.data).toBe(true)
    expect(await statusOf(`${created?.key}`)).toBe(401)
    const again = await client.call('revokeServiceKey', { id: created?.serviceKey.id })
    const acts =
      await server.sql`select kind, detail from events where kind like 'service_key_%' and actor_id is not null
      order by created_at desc limit 2`
    expect(again.code).toBe('NOT_FOUND')
    expect(acts).toEqual([
      { kind: 'service_key_revoked', detail: 'billing' },
      { kind: 'service_key_created', detail: 'billing: tokens:introspect' },
    ])
  })

  test('gives a key only what the administrator or the service that creates it holds', async () => {
    await addRole(server, `keepers-${adapter}`, ['service-keys:write', 'revocations:read'])
    const { client } = await registerAdministrator(server, [`keepers-${adapter}`], adapter)
    const service = await createKey('service-keys:write', 'revocations:read')
    const create = (scopes: string[], bearer?: string) =>
      (bearer ? server.client(adapter) : client).call(
        'createServiceKey',
        { name: `copy-${adapter}`, scopes },
        bearer ? { bearer } : undefined,
      )

    for (const bearer of [undefined, service.key]) {
      expect((await create(['revocations:read'], bearer)).code).toBeUndefined()
      expect(await create(['revocations:read', 'users:read'], bearer)).toMatchObject({
        code: 'FORBIDDEN',
        permission: 'users:read',
      })
    }
    for (const scopes of [['*'], [], ['users:all']]) {
      expect((await create(scopes)).code).toBe('INVALID_INPUT')
    }
    expect((await client.call('revokeServiceKey', { id: 'nonsense' })).code).toBe('NOT_FOUND')
  })
})

test('a key gets the name of another one only from a caller that holds the scopes of both', async () => {
  const creator = await createKey('service-keys:write', 'revocations:read')
  const create = (name: string) =>
    server.client().call('createServiceKey', { name, scopes: ['revocations:read'] }, { bearer: creator.key })
  const admin = await registerAdministrator(server)
  const other = await admin.client.call('createServiceKey', { name: 'back-office', scopes: ['users:write'] })

  expect(await create('back-office')).toMatchObject({ code: 'FORBIDDEN', permission: 'users:write' })
  expect((await create('front-office')).code).toBeUndefined()
  expect((await create('front-office')).code).toBeUndefined()
  await admin.client.call('revokeServiceKey', { id: other.data?.serviceKey.id })
  expect((await create('back-office')).code).toBeUndefined()
})

test('a valid key is listed, however many were created and revoked after it', async () => {
  const { client } = await registerAdministrator(server)
  const { id } = await createKey('users:write')
  await server.sql`insert into service_keys (name, hash, scopes, created_at, revoked_at)
    select 'filler', gen_random_uuid(), '{}', now() + interval '1 second', now()
    from generate_series(1, ${2 * MAX_SERVICE_KEYS})`

  const { data } = await client.call('serviceKeys')
  await server.sql`delete from service_keys where name = 'filler'`

  expect(data?.map((key) => key.id)).toContain(id)
  expect(data?.length).toBe(2 * MAX_SERVICE_KEYS)
})

test.each(ADAPTERS)('by %s, a service revokes its own key', async (adapter) => {
  const service = await createKey('service-keys:write')
  const revoke = () =>
    server.client(adapter).call('revokeServiceKey', { id: service.id }, { bearer: service.key })

  expect((await revoke()).code).toBeUndefined()
  await server.catchUp()
  expect(await revoke()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
})

test('a key that another key creates does not outlive it', async () => {
  const creator = await createKey('service-keys:write', 'revocations:read')
  await server.sql`update service_keys set expires_at = '2099-06-01T00:00:00Z' where id = ${creator.id}`
  await server.catchUp()
  const create = (expiresAt?: string) =>
    server
      .client()
      .call(
        'createServiceKey',
        { name: 'copy', scopes: ['service-keys:write'], ...(expiresAt && { expiresAt }) },
        { bearer: creator.key },
      )
  const expiryOf = async (wanted?: string) => (await create(wanted)).data?.serviceKey.expiresAt

  expect(await expiryOf('2099-05-01T00:00:00Z')).toBe('2099-05-01T00:00:00.000Z')
  expect(await expiryOf('2099-06-01T00:00:00Z')).toBe('2099-06-01T00:00:00.000Z')
  expect(await expiryOf()).toBe('2099-06-01T00:00:00.000Z')
  expect(await create('2099-06-01T00:00:01Z')).toMatchObject({
    code: 'INVALID_INPUT',
    fields: [{ path: 'expiresAt', message: expect.stringContaining('the key that creates it') }],
  })
  // A copy of the copy is bounded too.
  const copy = (await create()).data?.key
  const further = { name: 'copy', scopes: ['service-keys:write'] }
  const second = await server.client().call('createServiceKey', further, { bearer: `${copy}` })
  expect(second.data?.serviceKey.expiresAt).toBe('2099-06-01T00:00:00.000Z')
})

test('invented keys share a few reads of the table, however many there are', async () => {
  const statements: string[] = []
  const span = <T>(name: string, _: object, work: () => T) => {
    statements.push(name)
    return work()
  }
  const { db, close } = createDb(
    { DATABASE_URL: server.env.DATABASE_URL, databaseLimits: PATIENT },
    span as never,
  )
  const changes = createChanges(server.env.DATABASE_URL)
  const keys = createServiceKeys({ db, changes, entries: [] })
  changes.start()
  await changes.catchUp()
  onTestFinished(async () => {
    await changes.stop()
    await close()
  })

  const found = await Promise.all(Array.from({ length: 500 }, async () => keys.find(createServiceKey().key)))

  expect(new Set(found)).toEqual(new Set([null]))
  expect(statements.length).toBeGreaterThan(0)
  expect(statements.length).toBeLessThan(5)
})

test('requests with one key right after a rest of the listener share one read of the table', async () => {
  const { key, id } = await createKey()
  async function readsOfBurst() {
    const reads: string[] = []
    const span = <T>(name: string, _: object, work: () => T) => {
      if (/^select/i.test(name)) reads.push(name)
      return work()
    }
    const { db, close } = createDb(
      { DATABASE_URL: server.env.DATABASE_URL, databaseLimits: PATIENT },
      span as never,
    )
    const changes = createChanges(server.env.DATABASE_URL)
    const keys = createServiceKeys({ db, changes, entries: [] })
    changes.start()
    await expect.poll(changes.ageMs).toBeLessThan(1000)
    const found = await Promise.all(
      Array.from({ length: 20 }, async () => {
        await Promise.resolve()
        return keys.find(key)
      }),
    )
    await changes.stop()
    await close()
    expect(found.map((each) => each?.id)).toEqual(Array(20).fill(id))
    return reads.length
  }

  // On a busy machine, a read may take longer than it is certain.
  await expect.poll(readsOfBurst).toBe(1)
})

test('a gap in the notifications that is noticed while a known key is looked up is no error', async () => {
  const { key, id } = await createKey()
  const proxy = await createProxy(server.env.DATABASE_URL)
  const { db, close } = createDb({ DATABASE_URL: server.env.DATABASE_URL, databaseLimits: PATIENT })
  const changes = createChanges(proxy.url)
  const keys = createServiceKeys({ db, changes, entries: [] })
  changes.start()
  await changes.catchUp()
  onTestFinished(async () => {
    await changes.stop()
    await close()
    await proxy.close()
  })
  await expect.poll(async () => (await keys.find(key))?.id).toBe(id)

  // The listener notices the gap when it connects again, and proves nothing until the delay is over.
  proxy.cut()
  proxy.restore()
  proxy.slow(40)
  for (let lookUp = 0; lookUp < 400; lookUp++) {
    expect((await keys.find(key))?.id).toBe(id)
    await pause(5)
  }
})

test('keys of SERVICE_KEYS keep working, for introspection and the feed', async () => {
  const { key, settings } = createKeySetting()
  const { output } = await runCommand('service-key create orders --setting', { env: {} })
  const [created = ''] = /servauth_[0-9A-Za-z]{46}/.exec(output) ?? []
  const [entry = ''] = /orders=[\w-]{43}/.exec(output) ?? []

  const started = await startServer({ SERVICE_KEYS: `${settings.SERVICE_KEYS}, ${entry}` })

  // Two keys of one service at once, so that one can replace the other.
  for (const known of [created, key]) expect((await introspect(known, started)).status).toBe(200)
})

test.each([
  ['create orders --scopes users:all', 'They must be some of'],
  ['create orders --expires 2020-01-01', 'It must be a date in the future'],
  ['create "or ders"', 'error:'],
  ['revoke orders', 'It must be the id of a key'],
])('the wrong command "service-key %s" says what is expected', async (words, expected) => {
  const { code, output } = await callCommand(`service-key ${words}`, { env: {} })

  expect([code, output]).toEqual([2, expect.stringContaining(expected)])
})

test('a service has a bounded number of connections to the feed, and takes none from another service', async () => {
  const { db, close } = createDb({ DATABASE_URL: server.env.DATABASE_URL, databaseLimits: PATIENT })
  const changes = createChanges(server.env.DATABASE_URL)
  const feed = createRevocationFeed({ db, changes })
  onTestFinished(async () => {
    feed.end()
    await close()
  })
  const listen = (serviceId: string) => {
    const ignore = () => {}
    const on = {
      onForgotten: ignore,
      onRevocations: ignore,
      onProof: ignore,
      onSilence: ignore,
      onEnd: ignore,
    }
    return feed.listen({ serviceId, ...on }, null)
  }

  const [leave] = await Promise.all(
    Array.from({ length: MAX_LISTENERS_PER_SERVICE }, async () => listen('orders')),
  )

  await expect(listen('orders')).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' })
  leave?.()
  // A second call of the same function frees no other place.
  leave?.()
  for (const serviceId of ['orders', 'billing']) await listen(serviceId)
  await expect(listen('orders')).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' })
  expect(feed.size()).toBe(MAX_LISTENERS_PER_SERVICE + 1)
})
