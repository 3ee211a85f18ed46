import { once } from 'node:events'
import { connect } from 'node:net'
import { decodeJwt } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { MAX_REVOCATIONS } from '../src/auth/services/recent-revocations.ts'
import { createRevocationLog } from '../src/auth/services/revocation-log.ts'
import { createDb } from '../src/db/client.ts'
import { bearer } from './support/client.ts'
import { openDatabase, PATIENT } from './support/database.ts'
import { memoryOf } from './support/process.ts'
import { startProgram } from './support/program.ts'
import { type FeedEvent, listenToFeed } from './support/revocations.ts'
import { type Server, serveOnPort, startServer, useServer } from './support/server.ts'
import { createKeySetting, insertServiceKey } from './support/service-key.ts'

const { key, settings } = createKeySetting()
const server = useServer(settings)

const listen = (
  options: { lastEventId?: string; nonce?: string } = {},
  started: Pick<Server, 'app'> = server,
) => listenToFeed({ url: serveOnPort(started), key, ...options })

const ended = (sid: string) => (event: FeedEvent) => event.name === 'ended' && event.data.sid === sid
const isProof = ({ name }: FeedEvent) => name === 'proof'

test('the feed begins with its clock and the nonce of the service, and proves that it is complete', async () => {
  const feed = await listen({ nonce: 'abc' })

  const first = await feed.until(isProof)
  const second = await feed.until(isProof, feed.events.length)

  expect(feed.response.headers.get('content-type')).toBe('text/event-stream')
  expect(feed.events[0]).toMatchObject({ name: 'open', data: { nonce: 'abc', at: expect.any(Number) } })
  expect(Number(second?.data.at)).toBeGreaterThan(Number(first?.data.at))
  expect(Number(first?.data.age)).toBeLessThan(1000)
})

test('without a service key, or with an access token, there is no feed', async () => {
  const { client } = await server.registerUser()

  for (const headers of [{}, bearer(client.kept.accessToken)]) {
    expect((await server.fetch('/auth/revocations', { headers })).status).toBe(401)
  }
  expect(
    (await server.fetch('/auth/revocations?nonce=%20', { headers: { authorization: `Bearer ${key}` } }))
      .status,
  ).toBe(400)
})

describe('the feed announces', () => {
  test('a logout, a revoked session, a password change and a deleted account, before the next proof', async () => {
    const feed = await listen()
    const people = await Promise.all(Array.from({ length: 4 }, () => server.registerUser()))
    const [one, two, three, four] = people as [
      (typeof people)[0],
      (typeof people)[0],
      (typeof people)[0],
      (typeof people)[0],
    ]
    const other = await server.client().login(two.input)
    const third = await server.client().login(three.input)

    await one.client.call('logout')
    await two.client.call('revokeSession', { id: other.data?.session.id })
    await three.client.call('changePassword', {
      currentPassword: three.password,
      newPassword: 'another long phrase',
    })
    await four.client.call('deleteMe', { password: four.password })

    const sids = [one.session.id, other.data?.session.id, third.data?.session.id, four.session.id]
    for (const sid of sids) expect(await feed.until(ended(`${sid}`))).toBeDefined()
    expect(feed.revocations().some(ended(three.session.id))).toBe(false)
  })

  test('what plain SQL ends: deleted, moved and shortened sessions, disabled and deleted users', async () => {
    const feed = await listen()
    const people = await Promise.all(Array.from({ length: 5 }, () => server.registerUser()))
    const [gone, shortened, expired, disabled, deleted] = people.map(({ session, user }) => ({
      sid: session.id,
      sub: user.id,
    }))

    await server.sql`delete from sessions where id = ${gone?.sid ?? ''}`
    await server.sql`update sessions set expires_at = now() + interval '10 seconds' where id = ${shortened?.sid ?? ''}`
    await server.sql`update sessions set expires_at = now() where id = ${expired?.sid ?? ''}`
    await server.sql`update users set disabled_at = now() where id = ${disabled?.sub ?? ''}`
    await server.sql`delete from users where id = ${deleted?.sub ?? ''}`

    for (const sid of [gone?.sid, expired?.sid, deleted?.sid]) {
      expect(await feed.until(ended(`${sid}`))).toBeDefined()
    }
    for (const sub of [shortened?.sub, disabled?.sub, deleted?.sub]) {
      const event = await feed.until(({ name, data }) => name === 'changed' && data.sub === sub)
      expect(Math.abs(Number(event?.data.before) - Date.now() / 1000)).toBeLessThan(60)
    }
  })

  test('a change in a transaction that stays open with the moment of its end, so that tokens from meanwhile count', async () => {
    const feed = await listen()
    const [disabled, shortened] = [await server.registerUser('REST', 'TOKEN'), await server.registerUser()]

    const iat = await server.sql.begin(async (tx) => {
      await tx`update users set disabled_at = now() where id = ${disabled.user.id}`
      await tx`update sessions set expires_at = now() + interval '10 seconds' where id = ${shortened.session.id}`
      // The moment of issue is in whole seconds.
      await Bun.sleep(2000)
      const { data } = await disabled.client.refresh()
      return Number(decodeJwt(`${data?.accessToken}`).iat)
    })

    for (const { user } of [disabled, shortened]) {
      const event = await feed.until(({ name, data }) => name === 'changed' && data.sub === user.id)
      expect(Number(event?.data.before)).toBeGreaterThan(iat)
    }
  })

  test('a TRUNCATE as the end of everything', async () => {
    const own = await startServer(settings)
    const feed = await listen({}, own)
    await own.registerUser()

    await own.sql`truncate sessions cascade`

    expect(await feed.until(({ name }) => name === 'all')).toMatchObject({
      data: { before: expect.any(Number) },
    })
  })

  test('nothing at all about a life that goes on: a refresh, a changed name, another password hash', async () => {
    const own = await startServer(settings)
    const feed = await listen({}, own)
    const { client, user, input } = await own.registerUser('REST', 'TOKEN')
    await client.refresh()
    await client.call('updateMe', { username: 'Ada' })
    await own.client().login(input)
    await own.sql`update users set password = password || '' where id = ${user.id}`
    await own.catchUp()
    await feed.until(isProof, feed.events.length)

    expect(feed.revocations()).toEqual([])
  })
})

test('what ended before a service listened comes first, and Last-Event-ID continues', async () => {
  const { client, session } = await server.registerUser()
  const { client: later, session: laterSession } = await server.registerUser()
  await client.call('logout')
  // An open transaction, of another test too, makes the feed repeat what came after it.
  const isSettled = () =>
    server.sql`select pg_snapshot_xmin(pg_current_snapshot())::text::bigint > max(xid) as yes from revocations`
  await expect.poll(isSettled).toEqual([{ yes: true }])

  const feed = await listen()
  const known = await feed.until(ended(session.id))
  const { id } = (await feed.until(({ id }) => id !== undefined)) ?? {}
  feed.close()
  await later.call('logout')
  const next = await listen({ lastEventId: `${id}` })
  await next.until(isProof)

  expect(known).toBeDefined()
  expect(
    feed.events.findIndex(isProof) === -1 ||
      feed.events.findIndex(ended(session.id)) < feed.events.findIndex(isProof),
  ).toBe(true)
  expect(next.revocations().map(({ data }) => data.sid)).toContain(laterSession.id)
  expect(next.revocations().map(({ data }) => data.sid)).not.toContain(session.id)
})

test('a transaction that commits after later ones is announced too', async () => {
  const early = await server.registerUser()
  const late = await server.registerUser()
  const feed = await listen()
  let committed = Promise.resolve()
  await server.sql.begin(async (tx) => {
    await tx`delete from sessions where id = ${early.session.id}`
    await late.client.call('logout')
    await feed.until(ended(late.session.id))
    committed = feed.until(isProof, feed.events.length).then(() => {})
    await committed
    expect(feed.revocations().some(ended(early.session.id))).toBe(false)
  })

  expect(await feed.until(ended(early.session.id))).toBeDefined()
})

test('a service that continues gets what a transaction ended that was open when it left', async () => {
  const early = await server.registerUser()
  const late = await server.registerUser()
  let position: string | undefined
  await server.sql.begin(async (tx) => {
    await tx`delete from sessions where id = ${early.session.id}`
    const feed = await listen()
    await late.client.call('logout')
    await feed.until(ended(late.session.id))
    position = feed.events.findLast(({ id }) => id !== undefined)?.id
    feed.close()
  })

  const next = await listen({ lastEventId: `${position}` })

  expect(await next.until(ended(early.session.id))).toBeDefined()
})

test('while a transaction stays open, what came after its begin is not read again each time', async () => {
  const database = await openDatabase()
  const { db, close } = createDb({ DATABASE_URL: database.url, databaseLimits: PATIENT })
  onTestFinished(close)
  const log = createRevocationLog(db)
  const read = async () => {
    const { added } = await log.read()
    return added.flat().map(({ id }) => id)
  }
  const end = (count: number) => database.sql`insert into revocations (kind, subject)
    select 'ENDED', gen_random_uuid() from generate_series(1, ${count}) returning id`

  const late = await database.sql.begin(async (tx) => {
    const [row] =
      await tx`insert into revocations (kind, subject) values ('ENDED', gen_random_uuid()) returning id`
    await end(60_000)
    const all = await read()
    expect(all).toHaveLength(60_000)
    expect([await read(), await read()]).toEqual([[], []])
    const [next] = await end(1)
    expect(await read()).toEqual([Number(next?.id)])
    return row?.id
  })

  expect(await read()).toEqual([Number(late)])
})

describe('without a proof', () => {
  test('the feed says nothing while the database is cut, and everything after it', async () => {
    const own = await startServer(settings, { hasProxy: true })
    const feed = await listen({}, own)
    const { session } = await own.registerUser()
    await feed.until(isProof)

    own.proxy.cut()
    // The server has the same clock. It may still send what it knew before.
    const cutAt = performance.now()
    const isNew = ({ name, data }: FeedEvent) =>
      name === 'proof' && Number(data.at) - Number(data.age) > cutAt
    await Bun.sleep(2000)
    const during = feed.events.filter(isNew)
    await own.sql`delete from sessions where id = ${session.id}`
    own.proxy.restore()

    expect(during).toEqual([])
    expect(await feed.until(isNew)).toBeDefined()
    const end = feed.events.findIndex(ended(session.id))
    expect(end).toBeGreaterThan(0)
    expect(end).toBeLessThan(feed.events.findIndex(isNew))
  })

  test('a server that stops ends its streams at once', async () => {
    const own = await startServer(settings)
    const feed = await listen({}, own)
    await feed.until(isProof)

    own.drain()
    await feed.until(() => false)

    expect(feed.state.ended).toBe(true)
  })
})

test('a request for the headers alone is no listener', async () => {
  const own = await startServer(settings)
  const url = `${serveOnPort(own)}/auth/revocations`
  const response = await fetch(url, { method: 'HEAD', headers: { authorization: `Bearer ${key}` } })

  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  expect(own.revocationListeners()).toBe(0)
})

test('a reader that does not read is dropped', async () => {
  const own = await startServer(settings)
  const url = new URL(serveOnPort(own))
  const socket = connect(Number(url.port), url.hostname).on('error', () => {})
  onTestFinished(() => void socket.destroy())
  socket.write(`GET /auth/revocations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`)
  socket.pause()
  await expect.poll(() => own.revocationListeners()).toBe(1)
  const { user } = await own.registerUser()

  for (let batch = 0; batch < 20 && own.revocationListeners() > 0; batch++) {
    await own.sql`insert into revocations (kind, subject)
      select 'ENDED', gen_random_uuid() from generate_series(1, 20000)`
    await own.sql`update users set username = ${`${batch}`} where id = ${user.id}`
    await own.catchUp()
    await Bun.sleep(300)
  }

  await expect.poll(() => own.revocationListeners()).toBe(0)
})

test('of more revocations at once than the server keeps, services get the newest, and a date for the others', async () => {
  const own = await startServer(settings)
  const { user } = await own.registerUser()
  const feed = await listen({}, own)
  await feed.until(isProof)

  await own.sql`insert into revocations (kind, subject)
    select 'ENDED', gen_random_uuid() from generate_series(1, ${MAX_REVOCATIONS + 5000})`
  await own.sql`update users set username = 'Ada' where id = ${user.id}`
  const [newest] = await own.sql`select subject as sid from revocations order by id desc limit 1`
  const found = await feed.until(ended(newest?.sid))

  const all = feed.revocations().find(({ name }) => name === 'all')
  const [skipped] = await own.sql`select extract(epoch from max(at))::float8 as last
    from (select at from revocations order by id limit 5000) as oldest`
  expect(found).toBeDefined()
  // Both clocks are those of this machine.
  expect(Number(all?.data.before)).toBeGreaterThanOrEqual(skipped?.last - 0.05)
  expect(feed.revocations().length).toBeLessThanOrEqual(MAX_REVOCATIONS + 2)
})

test.skipIf(process.platform !== 'linux')(
  'readers that do not read, each from another position, share the memory of what they missed',
  async () => {
    const database = await openDatabase()
    const { key } = await insertServiceKey(database.sql)
    await database.sql`insert into revocations (kind, subject, xid)
      select 'ENDED', gen_random_uuid(), n / 200 from generate_series(1, 60000) n`
    const [last] = await database.sql`select id, subject from revocations order by id desc limit 1`
    const positionOf = (xid: number) => `${xid}.${last?.id}.${last?.subject}`
    const program = await startProgram({ DATABASE_URL: database.url })
    // On a busy machine, the database may answer the first read too late. A service then asks again.
    async function listenFrom(lastEventId: string) {
      for (;;) {
        const feed = await listenToFeed({ url: program.url, key, lastEventId })
        if (feed.response.status !== 503) return feed
      }
    }
    const feed = await listenFrom(positionOf(200))
    await feed.until(isProof)
    const before = await memoryOf(program.pid)

    for (let xid = 1; xid <= 100; xid++) {
      const socket = connect(Number(program.env.PORT), 'localhost').on('error', () => {})
      onTestFinished(() => void socket.destroy())
      socket.write(
        `GET /auth/revocations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nLast-Event-ID: ${positionOf(xid)}\r\n\r\n`,
      )
      await once(socket, 'data')
      socket.pause()
    }

    expect((await memoryOf(program.pid)) - before).toBeLessThan(100)
    // They got what they asked for, and little else.
    expect(feed.revocations().length).toBeGreaterThanOrEqual(20_000)
    expect(feed.revocations().length).toBeLessThan(20_500)
    expect((await (await listenFrom(positionOf(1))).until(isProof))?.data.sent).toBeGreaterThan(59_000)
  },
)

test('the table keeps what ended for the lifetime of a token, and no longer', async () => {
  const own = await startServer(settings)
  await own.sql`insert into revocations (kind, subject, at) values
    ('ENDED', gen_random_uuid(), now() - interval '2 hours'), ('ENDED', gen_random_uuid(), now() - interval '50 minutes')`
  const { clearAway } = await import('./support/housekeeping.ts')

  await clearAway(own.env.DATABASE_URL)

  expect(await own.sql`select from revocations`).toHaveLength(1)
})
