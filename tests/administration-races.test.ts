import type { Sql } from 'postgres'
import { describe, expect, test } from 'vitest'
import { MAX_SERVICE_KEYS } from '../src/auth/services/service-key-changes.ts'
import { MAX_WEBHOOKS } from '../src/auth/webhooks/managed-webhooks.ts'
import { DATABASE_LIMITS } from '../src/db/limits.ts'
import { addRole, registerAdministrator } from './support/administrator.ts'
import { ADAPTERS, account } from './support/client.ts'
import { untilWaiting } from './support/locks.ts'
import { drainOutbox } from './support/outbox.ts'
import { startServer, startServerWithMail, useServerWithMail } from './support/server.ts'
import { insertServiceKey } from './support/service-key.ts'

const server = useServerWithMail()

/** Rows that administrators change, beside users and roles. */
const INSERTS = {
  webhooks: (sql: Sql) => sql<{ id: string }[]>`
    insert into webhooks (id, url, secrets, disabled_at)
    values (gen_random_uuid(), 'https://example.com/', 'x', now()) returning id`,
  service_keys: (sql: Sql) => sql<{ id: string }[]>`
    insert into service_keys (name, hash, scopes) values ('orders', gen_random_uuid(), '{}') returning id`,
  mail_outbox: (sql: Sql) => sql<{ id: string }[]>`
    insert into mail_outbox (id, kind, recipient, status, expires_at)
    values (gen_random_uuid(), 'password-reset', 'ada@example.com', 'FAILED', now() + interval '1 hour') returning id`,
}

describe.each(ADAPTERS)('an administrator by %s', (adapter) => {
  test.each(['roles', 'session'])('whose %s ended while its change waits changes nothing', async (what) => {
    const { client, email } = await registerAdministrator(server, ['admin'], adapter)
    await registerAdministrator(server, ['admin'], adapter)
    const { user } = await server.registerUser(adapter)
    // The worker locks the user for the first mail too.
    await drainOutbox(server)

    let change: ReturnType<typeof client.call<'disableUser'>> | undefined
    await server.sql.begin(async (tx) => {
      await tx`select from users where id = ${user.id} for update`
      change = client.call('disableUser', { id: user.id })
      await untilWaiting(server.sql, 1)
      if (what === 'roles') await server.sql`update users set roles = '{}' where email = ${email}`
      else
        await server.sql`delete from sessions where user_id = (select id from users where email = ${email})`
    })

    expect((await change)?.code).toBe(what === 'roles' ? 'FORBIDDEN' : 'UNAUTHENTICATED')
    const [row] = await server.sql`select disabled_at from users where id = ${user.id}`
    expect(row?.disabled_at).toBeNull()
  })

  test('is judged by its roles as they are, also while the notification of their change is on its way', async () => {
    const name = `late-${adapter}`
    await addRole(server, name, ['roles:write', 'mails:write'])
    const { client } = await registerAdministrator(server, [name], adapter)
    const give = () => client.call('putRole', { name: `${name}-other`, permissions: ['mails:write'] })
    expect((await give()).code).toBeUndefined()
    // Its refusal reads the roles into memory.
    expect((await client.call('roles')).code).toBe('FORBIDDEN')

    await server.sql.begin(async (tx) => {
      // Without triggers, so that no notification arrives.
      await tx`alter table roles disable trigger user`
      await tx`update roles set permissions = '{roles:write}' where name = ${name}`
      await tx`alter table roles enable trigger user`
    })

    expect(await give()).toMatchObject({ code: 'FORBIDDEN', permission: 'mails:write' })
  })

  test('that changes a role while it is created must hold what it gets', async () => {
    const [name, lesser] = [`new-${adapter}`, `lesser-${adapter}`]
    await addRole(server, lesser, ['roles:write', 'users:read'])
    const { client } = await registerAdministrator(server, [lesser], adapter)

    let change: ReturnType<typeof client.call<'putRole'>> | undefined
    await server.sql.begin(async (tx) => {
      await tx`insert into roles (name, permissions) values (${name}, '{mails:write}')`
      change = client.call('putRole', { name, permissions: ['users:read'] })
      await untilWaiting(server.sql, 1)
    })

    expect(await change).toMatchObject({ code: 'FORBIDDEN', permission: 'mails:write' })
    expect(await server.sql`select permissions from roles where name = ${name}`).toEqual([
      { permissions: ['mails:write'] },
    ])
  })

  test.each([
    ['deleteWebhook', 'webhooks'],
    ['replayDeliveries', 'webhooks'],
    ['revokeServiceKey', 'service_keys'],
    ['retryMail', 'mail_outbox'],
  ] as const)('whose roles ended while its %s waits changes nothing', async (operation, table) => {
    const { client, email } = await registerAdministrator(server, ['admin'], adapter)
    await registerAdministrator(server, ['admin'], adapter)
    const [row] = await INSERTS[table](server.sql)
    const id = row?.id ?? ''

    let change: Promise<{ code?: string }> | undefined
    await server.sql.begin(async (tx) => {
      await tx`select from ${tx(table)} where id = ${id} for update`
      change = client.call(operation, operation === 'replayDeliveries' ? { webhookId: id } : { id })
      await untilWaiting(server.sql, 1)
      await server.sql`update users set roles = '{}' where email = ${email}`
    })

    expect((await change)?.code).toBe('FORBIDDEN')
  })

  test('gives a role while another removes it, and neither waits for the other', async () => {
    const name = `passing-${adapter}`
    await addRole(server, name, [])
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    const other = await registerAdministrator(server, ['admin'], adapter)
    const { user } = await server.registerUser(adapter)
    await server.sql`update users set roles = ${[name]} where id = ${user.id}`

    const changes: Promise<{ code?: string }>[] = []
    await server.sql.begin(async (tx) => {
      await tx`select from roles where name = ${name} for update`
      changes.push(client.call('removeRole', { name }))
      await untilWaiting(server.sql, 1)
      changes.push(other.client.call('setUserRoles', { id: user.id, roles: [] }))
      await untilWaiting(server.sql, 2)
    })

    expect((await Promise.all(changes)).map(({ code }) => code)).toEqual([undefined, undefined])
    const [row] = await server.sql`select roles from users where id = ${user.id}`
    expect(row?.roles).toEqual([])
  })

  test('does not invite again an account that may administer more', async () => {
    await addRole(server, `inviter-${adapter}`, ['users:write', 'roles:write'])
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const { client } = await registerAdministrator(server, [`inviter-${adapter}`], adapter)
    const { email, password } = account()
    await admin.client.call('inviteUser', { email, roles: ['admin'] })
    const token = await server.mailbox.token(email, /created for you/)

    const again = await client.call('inviteUser', { email, roles: ['admin'] })

    expect(again).toMatchObject({ code: 'FORBIDDEN', permission: '*' })
    expect((await server.client(adapter).call('acceptInvitation', { token, password })).data).toBe(true)
  })

  test('adds no role to its own account unless it holds every permission', async () => {
    const own = `self-${adapter}`
    await addRole(server, own, ['roles:write'])
    await addRole(server, `manager-${adapter}`, [])
    const { client, user } = await registerAdministrator(server, [own], adapter)
    const give = (id: string, roles: string[]) => client.call('setUserRoles', { id, roles })

    expect(await give(user.id, [own, `manager-${adapter}`])).toMatchObject({
      code: 'FORBIDDEN',
      permission: '*',
    })
    const other = await server.registerUser(adapter)
    expect((await give(other.user.id, [`manager-${adapter}`])).data?.roles).toHaveLength(1)
  })

  test('revokes no service key that may do more than it may itself', async () => {
    await addRole(server, `keys-${adapter}`, ['service-keys:write'])
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const { client } = await registerAdministrator(server, [`keys-${adapter}`], adapter)
    const created = await admin.client.call('createServiceKey', { name: 'orders', scopes: ['users:write'] })
    const id = created.data?.serviceKey.id ?? ''

    expect(await client.call('revokeServiceKey', { id })).toMatchObject({
      code: 'FORBIDDEN',
      permission: 'users:write',
    })
    expect((await admin.client.call('revokeServiceKey', { id })).data).toBe(true)
  })

  test('the last one with a password keeps the role, also while another user is invited', async () => {
    await server.sql`update users set roles = array_remove(roles, 'admin')`
    const { client, user } = await registerAdministrator(server, ['admin'], adapter)
    await client.call('inviteUser', { email: account().email, roles: ['admin'] })

    const refused = [
      await client.call('setUserRoles', { id: user.id, roles: [] }),
      await client.call('disableUser', { id: user.id }),
      await client.call('deleteUser', { id: user.id }),
    ]

    expect(refused.map(({ code }) => code)).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN'])
  })
})

test('several new keys or webhooks at once do not pass their bounds', async () => {
  const own = await startServer({ NODE_ENV: 'development' })
  const { client } = await registerAdministrator(own)
  await own.sql`insert into service_keys (name, hash, scopes)
    select 'orders', gen_random_uuid(), '{}' from generate_series(2, ${MAX_SERVICE_KEYS})`
  await own.sql`insert into webhooks (id, url, secrets, disabled_at)
    select gen_random_uuid(), 'https://example.com/', 'x', now() from generate_series(2, ${MAX_WEBHOOKS})`
  const attempts = [1, 2, 3, 4, 5]
  const keys = attempts.map(() => client.call('createServiceKey', { name: 'orders', scopes: ['users:read'] }))
  const webhooks = attempts.map(() =>
    client.call('putWebhook', { url: 'http://127.0.0.1:9/', disabled: true }),
  )

  for (const answers of [await Promise.all(keys), await Promise.all(webhooks)]) {
    expect(answers.map(({ code }) => code).sort()).toEqual([...Array(4).fill('INVALID_INPUT'), undefined])
  }
})

describe('with one connection, changes at once do not wait for one that they hold themselves:', () => {
  const settings = { DATABASE_POOL_SIZE: '1' }
  const start = () => startServer(settings, { limits: DATABASE_LIMITS })

  test('those of roles', async () => {
    const server = await start()
    const { client } = await registerAdministrator(server)
    const names = ['one', 'two', 'three', 'four']

    const answers = await Promise.all(names.map((name) => client.call('putRole', { name, permissions: [] })))

    expect(answers.map(({ code }) => code)).toEqual(names.map(() => undefined))
  })

  test('those that invite a user again while the roles change', async () => {
    const server = await startServerWithMail(settings, { limits: DATABASE_LIMITS })
    const { client } = await registerAdministrator(server)
    const input = { email: account().email, roles: [] }
    await client.call('inviteUser', input)
    await drainOutbox(server)

    let again: ReturnType<typeof client.call<'inviteUser'>> | undefined
    await server.sql.begin(async (tx) => {
      await tx`select from users where email = ${input.email} for update`
      again = client.call('inviteUser', input)
      await untilWaiting(server.sql, 1)
      await addRole(server, 'other', [])
    })

    expect((await again)?.code).toBeUndefined()
  })

  test('those of a service while the keys are read again', async () => {
    const server = await start()
    const { key } = await insertServiceKey(server.sql, ['users:write'])
    const users = await Promise.all([1, 2, 3, 4].map(() => server.registerUser()))

    const answers = await Promise.all(
      users.map(async ({ user }) => {
        const answer = server.fetch(`/auth/admin/users/${user.id}/disable`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}` },
        })
        await insertServiceKey(server.sql)
        return (await answer).status
      }),
    )

    expect(answers).toEqual(users.map(() => 200))
  })
})
