import { expect, onTestFinished, test, vi } from 'vitest'
import { createReadLimit, MAX_READ_WAIT_MS } from '../src/auth/load/read-limit.ts'
import { BY_OPERATOR } from '../src/contract/administrator.ts'
import { bearer } from './support/client.ts'
import { useServer } from './support/server.ts'
import { insertServiceKey } from './support/service-key.ts'

const server = useServer({ DATABASE_POOL_SIZE: '8' })

const countWaiting = async () =>
  (
    await server.sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  ).length

test.each([
  ['events', 'events'],
  ['mails', 'mail_outbox'],
  ['webhooks/deliveries', 'webhook_deliveries'],
])('a service that reads %s again and again leaves connections to users', async (list, table) => {
  const { key } = await insertServiceKey(server.sql, ['events:read', 'mails:read', 'webhooks:read'])
  const { client } = await server.registerUser('REST')
  await server.fetch(`/auth/admin/${list}`, { headers: bearer(key) })

  const reads: Promise<Response>[] = []
  await server.sql.begin(async (tx) => {
    // As slow as a filter that few rows of a large table match.
    await tx`lock table ${tx(table)} in access exclusive mode`
    for (let read = 0; read < 20; read++)
      reads.push(server.fetch(`/auth/admin/${list}`, { headers: bearer(key) }))
    await expect.poll(countWaiting).toBeGreaterThan(1)
    // Without the limit, this one would wait behind all of them until its deadline.
    expect((await client.sessions()).data).toHaveLength(1)
    expect(await countWaiting()).toBe(2)
  })

  expect((await Promise.all(reads)).map(({ status }) => status)).toContain(200)
})

/** A limit of one read at once, and reads that end when they are told to. */
function createReads() {
  const limit = createReadLimit({ connections: 4 })
  const started: string[] = []
  const ends: (() => void)[] = []
  const read = (userId: string, name: string) =>
    limit(async () => {
      started.push(name)
      await new Promise<void>((resolve) => ends.push(resolve))
      return name
    })(undefined, { ...BY_OPERATOR, administrator: { ...BY_OPERATOR.administrator, userId } })
  const endOldest = async () => {
    await new Promise(setImmediate)
    ends.shift()?.()
    await new Promise(setImmediate)
  }
  return { read, started, endOldest }
}

test('administrators take turns', async () => {
  const { read, started, endOldest } = createReads()
  const all = [read('a', 'a1'), read('a', 'a2'), read('a', 'a3'), read('b', 'b1')]

  for (let end = 0; end < all.length; end++) await endOldest()

  expect(await Promise.all(all)).toEqual(['a1', 'a2', 'a3', 'b1'])
  expect(started).toEqual(['a1', 'a2', 'b1', 'a3'])
})

test('a read that waits too long is refused, and leaves its turn to the next', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { read, started, endOldest } = createReads()
  const first = read('a', 'a1')
  const late = read('a', 'a2').catch(({ code }: { code: string }) => code)
  await vi.advanceTimersByTimeAsync(MAX_READ_WAIT_MS)
  const next = read('a', 'a3')

  await endOldest()
  await endOldest()

  expect(await Promise.all([first, late, next])).toEqual(['a1', 'SERVICE_UNAVAILABLE', 'a3'])
  expect(started).toEqual(['a1', 'a3'])
})
