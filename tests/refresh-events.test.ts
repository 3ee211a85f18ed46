import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { type Client, WAYS } from './support/client.ts'
import { BEHIND_PROXY, useServer } from './support/server.ts'

/** The tests' own address is a proxy, so that a test can name another in X-Forwarded-For. */
const server = useServer(BEHIND_PROXY)

describe.each(WAYS)('the events of a refresh by $adapter with $transport', ({ adapter, transport }) => {
  async function signedIn() {
    const client = server.client(adapter, transport)
    const { data, headers } = await client.register()
    const [device = ''] = headers.getSetCookie().filter((cookie) => cookie.includes('servauth-device='))
    return { client, userId: data?.user.id ?? '', device: device.split(';')[0] ?? '' }
  }

  const eventsOf = async (userId: string) => {
    const rows = await server.sql`
      select kind, sum(count)::int as count from events where user_id = ${userId} and kind like 'refresh%'
      group by kind order by kind`
    return Object.fromEntries(rows.map(({ kind, count }) => [kind, count]))
  }

  const refreshFrom = (client: Client, ipAddress: string, device?: string) => {
    const input = transport === 'TOKEN' ? { refreshToken: client.kept.refreshToken } : undefined
    const cookie = [transport === 'COOKIE' && client.kept.cookie, device].filter(Boolean).join('; ')
    const headers = { 'x-forwarded-for': ipAddress }
    return client.call('refresh', input, { bearer: null, cookie: cookie || null, headers })
  }

  test('a rotation and a refresh by a predecessor are events, and the current secret is none', async () => {
    const { client, userId } = await signedIn()
    const slow = client.twin()
    await client.refresh()
    await client.refresh()
    for (let time = 0; time < 3; time++) await slow.twin().refresh()

    expect(await eventsOf(userId)).toEqual({ refresh: 1, refresh_predecessor: 3 })
    expect(await server.sql`select from events where user_id = ${userId}`).toHaveLength(3)
  })

  test('a refresh from a new network is an event once', async () => {
    const { client, userId } = await signedIn()
    const addresses = ['192.0.2.1', '198.51.100.7', '198.51.100.7', '2001:db8:1:2::3', '2001:db8:1:2:4::5']
    for (const address of addresses) expect((await refreshFrom(client, address)).data).not.toBeNull()

    expect(await eventsOf(userId)).toEqual({ refresh: 1, refresh_new_place: 2 })
    const places = await server.sql`
      select place from places where user_id = ${userId} and signed_in_at is null order by place`
    expect(places.map(({ place }) => place)).toEqual(['n:198.51.100.7', 'n:2001:db8:1:2::'])
  })

  test('a refresh from a new browser is an event once, and a forged device cookie is none', async () => {
    const { client, userId, device } = await signedIn()
    const other = await server.client(adapter, 'COOKIE').register()
    const [foreign = ''] = other.headers.getSetCookie().filter((cookie) => cookie.includes('-device='))

    await refreshFrom(client, '192.0.2.1', device)
    await refreshFrom(client, '192.0.2.1', '__Host-servauth-device=forged')
    const before = await eventsOf(userId)
    for (let time = 0; time < 2; time++) await refreshFrom(client, '192.0.2.1', foreign.split(';')[0])

    expect(before).toEqual({ refresh: 1 })
    expect(await eventsOf(userId)).toEqual({ refresh: 1, refresh_new_place: 1 })
  })

  test('an account has at most 100 places, and a refresh from another place is still an event', async () => {
    const { client, userId } = await signedIn()
    await server.sql`
      insert into places (user_id, place) select ${userId}, 'n:203.0.113.' || n from generate_series(1, 150) n
      where n <= 100 - (select count(*) from places where user_id = ${userId})`

    await refreshFrom(client, '198.51.100.9')

    expect(await server.sql`select from places where user_id = ${userId}`).toHaveLength(100)
    expect(await eventsOf(userId)).toEqual({ refresh: 1, refresh_new_place: 1 })
  })

  test('20 refreshes at once from a new network are one event', async () => {
    const { client, userId } = await signedIn()

    await Promise.all(Array.from({ length: 20 }, () => refreshFrom(client.twin(), '198.51.100.8')))

    expect(await eventsOf(userId)).toEqual({ refresh: 1, refresh_predecessor: 19, refresh_new_place: 1 })
  })

  test('neither a refresh nor a first use makes the database NOTIFY', async () => {
    const { client, userId } = await signedIn()
    const slow = client.twin()
    const heard: string[] = []
    const { unlisten } = await server.sql.listen('servauth_changed', (id) => heard.push(id))

    await client.refresh()
    await slow.twin().refresh()
    await server.sql`
      update sessions set rotated_at = rotated_at - interval '1 hour' where user_id = ${userId}`
    await slow.twin().refresh()
    await slow.refresh()
    await client.me()
    await client.refresh()
    await server.sql`select pg_notify('servauth_changed', 'the end')`

    await expect.poll(() => heard).toContain('the end')
    const { sid } = decodeJwt(client.kept.accessToken ?? '')
    // The one between is that of the update by hand.
    expect(heard.filter((id) => id === sid)).toHaveLength(1)
    await unlisten()
  })
})
