import { describe, expect, test } from 'vitest'
import { codeOf } from './support/client.ts'
import { startServer } from './support/server.ts'
import { insertServiceKey } from './support/service-key.ts'

type Server = Awaited<ReturnType<typeof startServer>>

describe('the events that are pulled', () => {
  const readAll = async (server: Server, key: string, first: number, after?: string) => {
    const ids: string[] = []
    for (let next = after; ; ) {
      const query = new URLSearchParams({ first: String(first), ...(next !== undefined && { after: next }) })
      const headers = { authorization: `Bearer ${key}` }
      const page = await (await server.fetch(`/auth/admin/webhooks/events?${query}`, { headers })).json()
      if (!page.events) throw new Error(`The events were answered with ${page.code}`)
      ids.push(...page.events.map(({ id }: { id: string }) => id))
      next = page.next
      if (page.events.length === 0) return { ids, next: page.next as string }
    }
  }

  test('all events are read page by page, none is missing after a transaction that was running, and none comes twice', async () => {
    const server = await startServer({ EVENT_PULL: 'true' })
    const { key } = await insertServiceKey(server.sql, ['events:read'])
    const { client } = await server.registerUser()
    const ids: string[] = []
    let next: string | undefined
    /** Transactions of other tests in the same cluster hold events back for a while. */
    async function readOn(first: number) {
      const page = await readAll(server, key, first, next)
      ids.push(...page.ids)
      next = page.next
      return ids.length
    }
    await expect.poll(() => readOn(1)).toBe(2)
    await server.sql.begin(async (tx) => {
      await tx`insert into users (email, password) values ('late@example.com', 'x')`
      await client.updateMe({ username: 'Ada' })
      // This event is newer than one that is not committed yet.
      expect(await readOn(100)).toBe(2)
    })
    await client.updateMe({ username: 'Bea' })
    await expect.poll(() => readOn(2)).toBe(5)

    const kept = await server.sql`select message_id from webhook_events order by xid, id`
    expect(ids).toEqual(kept.map(({ message_id }) => `msg_${message_id}`))
    expect(await server.sql`select from webhook_deliveries`).toHaveLength(0)
  })

  test('events of a backup from a cluster that had counted further are read after the next start', async () => {
    const server = await startServer({ EVENT_PULL: 'true' })
    const { key } = await insertServiceKey(server.sql, ['events:read'])
    const { client } = await server.registerUser()
    await client.updateMe({ username: 'Ada' })
    const kept = await server.sql`update webhook_events set xid = xid + 1000000000 returning message_id, id`
    expect((await readAll(server, key, 100)).ids).toEqual([])

    await server.startReplica()
    await client.updateMe({ username: 'Bea' })

    const ids = kept.toSorted((a, b) => a.id - b.id).map(({ message_id }) => `msg_${message_id}`)
    await expect.poll(async () => (await readAll(server, key, 2)).ids).toEqual([...ids, expect.any(String)])
  })

  test('a cursor of an event that a failover has lost is refused, and one that housekeeping has overtaken is not', async () => {
    const server = await startServer({ EVENT_PULL: 'true' })
    const { key } = await insertServiceKey(server.sql, ['events:read'])
    const { client } = await server.registerUser()
    const readOn = async (after: string) => (await readAll(server, key, 100, after)).ids.length
    await expect.poll(async () => (await readAll(server, key, 100)).ids.length).toBe(2)
    const { next } = await readAll(server, key, 100)
    const [xid, id] = next.split('.').map(Number)
    await client.updateMe({ username: 'Ada' })

    for (const lost of [`${xid}.${Number(id) + 1}`, `${Number(xid) + 1}.${Number(id) + 32}`]) {
      await expect(readOn(lost)).rejects.toThrow('INVALID_INPUT')
    }
    await expect.poll(() => readOn(next)).toBe(1)
    await server.sql`delete from webhook_events where (xid, id) <= (${Number(xid)}, ${Number(id)})`
    expect(await readOn(next)).toBe(1)
  })

  test('a cursor of an event that housekeeping has deleted just before an earlier one is not refused', async () => {
    const server = await startServer({ EVENT_PULL: 'true' })
    const { key } = await insertServiceKey(server.sql, ['events:read'])
    await server.registerUser()
    await expect.poll(async () => (await readAll(server, key, 100)).ids.length).toBe(2)
    const { next } = await readAll(server, key, 100)

    // The later transaction may have begun first, and a service that has nothing to read keeps its cursor for days.
    await server.sql`update webhook_events set at = now() - interval '7 days' + interval '1 second'`
    await server.sql`delete from webhook_events where id = ${Number(next.split('.')[1])}`

    expect(await readAll(server, key, 100, next)).toEqual({ ids: [], next })
  })

  test('only a service with the scope may read, and a cursor of elsewhere is refused', async () => {
    const server = await startServer({ EVENT_PULL: 'true' })
    const { key } = await insertServiceKey(server.sql, ['events:read'])
    const other = await insertServiceKey(server.sql, ['users:read'])
    const { client } = await server.registerUser()
    const ask = async (bearer: string | null, query = '') => {
      const headers: Record<string, string> = bearer ? { authorization: `Bearer ${bearer}` } : {}
      return codeOf(await server.fetch(`/auth/admin/webhooks/events${query}`, { headers }))
    }

    expect(await ask(null)).toBe('UNAUTHENTICATED')
    expect(await ask(client.kept.accessToken)).toBe('UNAUTHENTICATED')
    expect(['FORBIDDEN', 'UNAUTHENTICATED']).toContain(await ask(other.key))
    for (const query of [
      '?after=x',
      '?after=1',
      '?after=900000000000000000.1',
      '?first=0',
      '?first=1001',
      '?x=1',
    ]) {
      expect([query, await ask(key, query)]).toEqual([query, 'INVALID_INPUT'])
    }
  })
})
