import { describe, expect, test } from 'vitest'
import { ADAPTERS, account, type Client } from './support/client.ts'
import { BEHIND_PROXY, startServerWithMail, useServerWithMail } from './support/server.ts'

/** Strangers and takers come from networks of their own, and a trusted proxy says which. */
const OWNER = '203.0.113.1'
const TAKER = '203.0.113.66'

let addresses = 0
const nextAddress = () => `198.51.${100 + Math.floor(++addresses / 250)}.${addresses % 250}`
const from = (address: string, userAgent = 'Firefox') => ({
  headers: { 'x-forwarded-for': address, 'user-agent': userAgent },
})
const fromNewPlace = () => from(nextAddress(), `Browser ${addresses}`)

const server = useServerWithMail(BEHIND_PROXY)

describe.each(ADAPTERS)('a flood of events by %s', (adapter) => {
  const client = () => server.client(adapter)

  async function takeAccount() {
    const input = account()
    const owner = client()
    const { data } = await owner.call('register', { ...input, transport: 'TOKEN' }, from(OWNER))
    const taker = client()
    await taker.call('login', { ...input, transport: 'TOKEN' }, from(TAKER, 'curl'))
    return { ...input, owner, taker, id: data?.user.id ?? '' }
  }
  const readEvents = async (owner: Client, first?: number) =>
    (await owner.call('events', { first }, from(OWNER))).data ?? []
  const isTakersLogin = ({ kind, ipAddress }: { kind: string; ipAddress?: string | null }) =>
    kind === 'login' && ipAddress === TAKER
  /** As if so many days had gone by. */
  const age = (id: string, days: number) => server.sql`
    update events set day = case when isfinite(day) then day - ${days}::int else day end,
      created_at = created_at - ${days} * interval '1 day', last_at = last_at - ${days} * interval '1 day'
    where user_id = ${id}`

  test('a stranger with 105 addresses and browsers cannot bury a taker’s sign-in, even over many days', async () => {
    const { owner, email, id } = await takeAccount()

    for (let day = 0; day < 7; day++) {
      await age(id, 1)
      const failures = Array.from({ length: 3 }, () =>
        client().call('login', { email, password: 'not the password' }, fromNewPlace()),
      )
      const resets = Array.from({ length: 12 }, () =>
        client().call('requestPasswordReset', { email }, fromNewPlace()),
      )
      await Promise.all([...failures, ...resets])
    }

    const page = await readEvents(owner)
    expect(page.filter(isTakersLogin)).toHaveLength(1)
    expect(page.filter(({ kind }) => kind === 'login_failed')).toMatchObject([{ count: 21 }])
    expect(page.length).toBeLessThan(10)
  })

  test('a taker with the password and many addresses and browsers cannot bury an event of the day', async () => {
    const { owner, taker, email, password, id } = await takeAccount()
    await taker.call(
      'changePassword',
      { currentPassword: password, newPassword: password },
      from(TAKER, 'curl'),
    )
    const before = new Set((await readEvents(owner, 100)).map((event) => event.id))
    let logins = 1

    for (let round = 0; round < 6; round++) {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const other = client()
          const { data } = await other.call('login', { email, password, transport: 'TOKEN' }, fromNewPlace())
          if (data) logins += 1
          await other.call('logout', undefined, fromNewPlace())
        }),
      )
    }

    const after = new Set((await readEvents(owner, 100)).map((event) => event.id))
    expect(before.difference(after)).toEqual(new Set())
    expect(after.size).toBeLessThan(60)
    const [sum] = await server.sql`
      select sum(count)::int as total from events where user_id = ${id} and kind = 'login'`
    expect(sum?.total).toBe(logins)
    expect(logins).toBeGreaterThan(30)
  })

  test('a taker who changes the browser at each refresh takes one row', async () => {
    const { owner, taker, id } = await takeAccount()

    for (let index = 0; index < 30; index++) {
      await server.sql`
        update sessions set rotated_at = rotated_at - interval '1 minute',
          token_used_at = token_used_at - interval '1 minute' where user_id = ${id}`
      const refreshed = { refreshToken: taker.kept.refreshToken }
      expect(
        (await taker.call('refresh', refreshed, { bearer: null, ...fromNewPlace() })).code,
      ).toBeUndefined()
    }

    const page = await readEvents(owner, 100)
    expect(page.filter(({ kind }) => kind === 'refresh')).toMatchObject([{ count: 30 }])
    expect(page.filter(isTakersLogin)).toHaveLength(1)
  })

  test('a hundred sign-ins at once from a hundred places cannot bury an event of the day', async () => {
    const { owner, email, password } = await takeAccount()

    for (let round = 0; round < 3; round++) {
      await Promise.all(
        Array.from({ length: 40 }, () =>
          client().call('login', { email, password, transport: 'TOKEN' }, fromNewPlace()),
        ),
      )
    }

    // Of the sessions only the newest hundred are left.
    await owner.call('login', { email, password, transport: 'TOKEN' }, from(OWNER))
    expect((await readEvents(owner, 100)).filter(isTakersLogin)).toHaveLength(1)
  })
})

describe('with verification required', () => {
  test('registrations of an address that is not verified yet take one row', async () => {
    const strict = await startServerWithMail({ ...BEHIND_PROXY, REQUIRE_EMAIL_VERIFICATION: 'true' })
    const input = account()
    for (let index = 0; index < 10; index++) {
      await strict.client().call('register', { ...input, transport: 'TOKEN' }, fromNewPlace())
    }

    const rows = await strict.sql`
      select kind from events where user_id = (select id from users where email = ${input.email})`
    expect(rows.filter(({ kind }) => kind === 'register')).toHaveLength(1)
    expect(rows.length).toBeLessThan(4)
  })
})

test('the events of a flood against one address store each request once', async () => {
  const { email, password } = account()
  await server.client().register({ email, password })

  const answers = await Promise.all(
    Array.from({ length: 60 }, () => server.client().call('requestPasswordReset', { email }, fromNewPlace())),
  )

  expect(answers.every(({ status }) => status === 202)).toBe(true)
  const rows = await server.sql`
    select count from events where kind = 'password_reset_requested'
      and user_id = (select id from users where email = ${email})`
  expect([...rows]).toEqual([{ count: 60 }])
})
