import { describe, expect, test } from 'vitest'
import { addRole, registerAdministrator } from './support/administrator.ts'
import { ADAPTERS } from './support/client.ts'
import { clearAway } from './support/housekeeping.ts'
import { useServer } from './support/server.ts'

const server = useServer()
const TOMORROW = new Date(Date.now() + 86_400_000).toISOString()

const sweep = () => clearAway(server.env.DATABASE_URL)
const passEnd = (id: string) =>
  server.sql`update users set disabled_until = now() - interval '1 second' where id = ${id}`
const endsOf = (id: string) =>
  server.sql`select id from events where user_id = ${id} and kind = 'account_enabled'`
async function rowOf(id: string) {
  const [row] = await server.sql`
    select disabled_at is not null as disabled, disabled_until as until from users where id = ${id}`
  return row
}

describe.each(ADAPTERS)('a suspension by %s', (adapter) => {
  async function openOffice(roles?: string[]) {
    const { client, user } = await registerAdministrator(server, roles, adapter)
    const suspend = (id: string, until: unknown = TOMORROW) => client.call('suspendUser', { id, until })
    return { client, user, suspend }
  }

  test('refuses the user at once, and ends by itself after its time', async () => {
    const { suspend, user: admin } = await openOffice()
    const { client, user, input } = await server.registerUser(adapter)

    const { data } = await suspend(user.id.toUpperCase())

    expect(data).toMatchObject({ id: user.id, disabledAt: expect.any(String), disabledUntil: TOMORROW })
    expect((await client.me()).reason).toBe('REVOKED')
    expect((await client.refresh()).reason).toBe('REVOKED')
    await sweep()
    expect((await client.login(input)).code).toBe('INVALID_CREDENTIALS')
    await passEnd(user.id)
    await sweep()
    expect((await client.login(input)).code).toBeUndefined()
    expect((await client.me()).data?.id).toBe(user.id)
    expect(await rowOf(user.id)).toEqual({ disabled: false, until: null })
    const acts = await server.sql`select kind, actor_id as actor, detail from events
      where user_id = ${user.id} and kind like 'account%' order by created_at`
    expect(acts).toEqual([
      { kind: 'account_suspended', actor: admin.id, detail: `until ${TOMORROW}` },
      { kind: 'account_enabled', actor: null, detail: null },
    ])
  })

  test('has an end in the future', async () => {
    const { suspend } = await openOffice()
    const { client, user } = await server.registerUser(adapter)
    const past = new Date(Date.now() - 1000).toISOString()

    for (const until of [past, 'infinity', '2099-01-01', '', null, 4]) {
      const answer = await suspend(user.id, until)
      expect(answer, String(until)).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'until' }] })
    }
    expect((await suspend(crypto.randomUUID())).code).toBe('NOT_FOUND')
    expect((await client.me()).data?.id).toBe(user.id)
  })

  test('can be ended earlier, moved, and made one without an end', async () => {
    const { client, suspend } = await openOffice()
    const { user } = await server.registerUser(adapter)
    const act = (name: 'disableUser' | 'enableUser') => client.call(name, { id: user.id })
    const later = new Date(Date.now() + 2 * 86_400_000).toISOString()

    await suspend(user.id)
    expect((await suspend(user.id)).data?.disabledUntil).toBe(TOMORROW)
    expect((await suspend(user.id, later)).data?.disabledUntil).toBe(later)
    expect((await act('disableUser')).data).toMatchObject({
      disabledAt: expect.any(String),
      disabledUntil: null,
    })
    expect((await act('disableUser')).data?.disabledUntil).toBeNull()
    expect((await suspend(user.id)).data?.disabledUntil).toBe(TOMORROW)
    expect((await act('enableUser')).data).toMatchObject({ disabledAt: null, disabledUntil: null })
    await sweep()
    const kinds = await server.sql`select kind from events
      where user_id = ${user.id} and kind like 'account%' order by created_at`
    expect(kinds.map(({ kind }) => kind)).toEqual([
      ...['account_suspended', 'account_suspended', 'account_suspended', 'account_disabled'],
      ...['account_suspended', 'account_enabled'],
    ])
  })

  test('is refused for one who may administer more, and for the last administrator', async () => {
    await server.sql`update users set roles = array_remove(roles, 'admin')`
    await addRole(server, `suspender-${adapter}`, ['users:write'])
    const { suspend } = await openOffice([`suspender-${adapter}`])
    const admin = await openOffice()

    expect((await suspend(admin.user.id)).code).toBe('FORBIDDEN')
    expect((await admin.suspend(admin.user.id)).code).toBe('FORBIDDEN')
    const second = await openOffice()
    expect((await admin.suspend(second.user.id)).code).toBeUndefined()
    expect((await admin.suspend(admin.user.id)).code).toBe('FORBIDDEN')
  })
})

async function openSuspension() {
  const { client } = await registerAdministrator(server)
  const { user } = await server.registerUser()
  await client.call('suspendUser', { id: user.id, until: TOMORROW })
  return { client, id: user.id }
}

test.each([
  ['disabled again', 'now()'],
  ['disabled again as it was', 'coalesce(disabled_at, now())'],
  ['enabled', 'null'],
])(
  'an account that is %s by plain SQL or an older replica keeps no end of a suspension',
  async (_, value) => {
    const { id } = await openSuspension()

    await server.sql.unsafe(`update users set disabled_at = ${value} where id = '${id}'`)

    expect(await rowOf(id)).toEqual({ disabled: value !== 'null', until: null })
  },
)

test('an account that is disabled without an end while its suspension ends stays disabled', async () => {
  const { client, id } = await openSuspension()
  await passEnd(id)

  let disabled: Promise<unknown> | undefined
  await server.sql.begin(async (tx) => {
    await tx`update users set disabled_at = disabled_at where id = ${id}`
    // Does not wait for the account.
    await sweep()
    disabled = client.call('disableUser', { id })
  })
  await disabled
  await sweep()

  expect(await rowOf(id)).toEqual({ disabled: true, until: null })
})

test('replicas that end suspensions at once enable each account once, and leave out one that is locked', async () => {
  const all = await Promise.all(Array.from({ length: 5 }, openSuspension))
  for (const { id } of all) await passEnd(id)
  const [locked, ...others] = all.map(({ id }) => id)

  await server.sql.begin(async (tx) => {
    await tx`select from users where id = ${locked ?? ''} for update`
    await Promise.all([sweep(), sweep(), sweep()])
  })
  expect((await rowOf(locked ?? ''))?.disabled).toBe(true)
  await Promise.all([sweep(), sweep()])

  for (const id of [locked ?? '', ...others]) {
    expect((await rowOf(id))?.disabled).toBe(false)
    expect(await endsOf(id)).toHaveLength(1)
  }
})

test('more suspensions than one statement takes end in one run', async () => {
  await server.sql`insert into users (email, password, disabled_at, disabled_until)
    select 'many-' || n || '@example.com', 'x', now() - interval '1 day', now() - interval '1 hour'
    from generate_series(1, 1200) n`

  await sweep()

  const left = await server.sql`select from users where disabled_at is not null and email like 'many-%'`
  expect(left).toHaveLength(0)
})

test('an end that an operator writes as infinity never comes', async () => {
  const { client, id } = await openSuspension()
  await server.sql`update users set disabled_until = 'infinity' where id = ${id}`

  await sweep()

  expect((await client.call('user', { id })).data?.disabledUntil).toMatch(/^9999/)
  expect((await rowOf(id))?.disabled).toBe(true)
})
