import { describe, expect, test } from 'vitest'
import { MAX_HOLDERS, MAX_STORED_ROLES } from '../src/auth/administration/roles/role-changes.ts'
import { addRole, registerAdministrator } from './support/administrator.ts'
import { ageProofs } from './support/authenticator.ts'
import { ADAPTERS } from './support/client.ts'
import { useServer } from './support/server.ts'
import { createKeySetting } from './support/service-key.ts'

const { key, settings } = createKeySetting()
const server = useServer(settings)

describe.each(ADAPTERS)('an operation of administration by %s', (adapter) => {
  test('needs a permission of a role', async () => {
    await addRole(server, `readers-${adapter}`, ['roles:read'])
    await addRole(server, `others-${adapter}`, ['users:read', 'users:write'])
    const reader = await registerAdministrator(server, [`readers-${adapter}`], adapter)
    const other = await registerAdministrator(server, [`others-${adapter}`], adapter)
    const user = await registerAdministrator(server, [], adapter)

    const roles = (await reader.client.call('roles')).data ?? []

    expect(roles[0]).toEqual({ name: 'admin', permissions: ['*'], builtIn: true, changedAt: null })
    expect(roles.map(({ name }) => name)).toContain(`readers-${adapter}`)
    for (const { client } of [other, user]) {
      expect(await client.call('roles')).toMatchObject({ code: 'FORBIDDEN', permission: 'roles:read' })
    }
    expect((await server.client(adapter).call('roles')).code).toBe('UNAUTHENTICATED')
  })

  test('needs a second factor that was proven within 15 minutes', async () => {
    const { client, user, input, authenticator } = await registerAdministrator(server, ['admin'], adapter)
    expect((await client.call('roles')).code).toBeUndefined()

    await ageProofs(server, user.id, 16)
    await server.catchUp()

    const proof = { acr: 'aal2', maxAge: 900, methods: ['totp', 'recoveryCode'] }
    expect(await client.call('roles')).toMatchObject({ code: 'REAUTHENTICATION_REQUIRED', ...proof })
    await client.stepUp({ password: input.password })
    expect((await client.call('roles')).code).toBe('REAUTHENTICATION_REQUIRED')
    await client.stepUp({ proof: { totp: authenticator.code() } })
    expect((await client.call('roles')).code).toBeUndefined()
  })

  test('says that a second factor must be added if the account has none', async () => {
    const { client, user } = await server.registerUser(adapter, 'COOKIE')
    await server.sql`update users set roles = ${['admin']} where id = ${user.id}`
    await server.catchUp()

    const answer = await client.call('roles')

    expect(answer).toMatchObject({ code: 'REAUTHENTICATION_REQUIRED', acr: 'aal2', methods: [] })
    const detail = 'This needs a second factor, and the account has none. Add one first.'
    if (adapter === 'REST') expect(answer).toMatchObject({ detail })
  })

  test('is refused to a service key whose scopes lack the permission, and to an unknown key', async () => {
    const service = server.client(adapter)

    expect(await service.call('roles', undefined, { bearer: key })).toMatchObject({
      code: 'FORBIDDEN',
      permission: 'roles:read',
    })
    const unknown = createKeySetting().key
    expect(await service.call('roles', undefined, { bearer: unknown })).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'INVALID',
    })
    // A key is never a session.
    expect(await service.call('me', undefined, { bearer: key })).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'INVALID',
    })
  })

  test('gives a role only what the administrator holds', async () => {
    const editor = `editors-${adapter}`
    await addRole(server, editor, ['roles:read', 'roles:write', 'posts:write'])
    const { client } = await registerAdministrator(server, [editor], adapter)
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const put = (permissions: string[], by = client) =>
      by.call('putRole', { name: `authors-${adapter}`, permissions })

    expect((await put(['posts:write', 'roles:read'])).data?.permissions).toEqual([
      'posts:write',
      'roles:read',
    ])
    expect(await put(['posts:write', 'users:write'])).toMatchObject({
      code: 'FORBIDDEN',
      permission: 'users:write',
    })
    expect(await put(['*'])).toMatchObject({ code: 'FORBIDDEN', permission: '*' })
    expect((await put(['users:write'], admin.client)).code).toBeUndefined()
    // It may not weaken or remove what holds more than it does.
    expect((await put([])).code).toBe('FORBIDDEN')
    expect((await client.call('removeRole', { name: `authors-${adapter}` })).code).toBe('FORBIDDEN')
    for (const call of [
      admin.client.call('putRole', { name: 'admin', permissions: [] }),
      admin.client.call('removeRole', { name: 'admin' }),
      client.call('putRole', { name: 'Admin', permissions: ['roles:read'] }),
    ]) {
      expect(await call).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'name' }] })
    }
    expect((await admin.client.call('removeRole', { name: `authors-${adapter}` })).data).toBe(true)
    const name = `authors-${adapter}`
    const acts =
      await server.sql`select kind, detail, actor_id from events where detail ^@ ${name} order by created_at`
    expect(acts.map(({ kind, detail }) => [kind, detail])).toEqual([
      ['role_changed', `${name}: +posts:write +roles:read`],
      ['role_changed', `${name}: +users:write -posts:write -roles:read`],
      ['role_removed', name],
    ])
    expect(acts.at(-1)?.actor_id).toBe(admin.user.id)
  })

  test('moves a role before another only if it holds what all roles of the user allow', async () => {
    const [first, second] = [`reader-${adapter}`, `boss-${adapter}`]
    await addRole(server, first, [])
    await addRole(server, second, ['posts:write'])
    await addRole(server, `giver-${adapter}`, ['roles:write'])
    const roles = [`giver-${adapter}`, first, second]
    const { client, user } = await registerAdministrator(server, roles, adapter)
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const other = await server.registerUser(adapter)
    await server.sql`update users set roles = ${[second]} where id = ${other.user.id}`
    const set = (id: string, names: string[], by = client) =>
      by.call('setUserRoles', { id, roles: names }).then(({ code, permission }) => permission ?? code)

    // Other services may read the first role alone.
    expect(await set(user.id, [second, ...roles.slice(0, 2)])).toBe('*')
    expect(await set(other.user.id, [second, first])).toBeUndefined()
    const weak = await registerAdministrator(server, [`giver-${adapter}`], adapter)
    expect(await set(other.user.id, [first, second], weak.client)).toBe('posts:write')
    expect(await set(other.user.id, [first, second], admin.client)).toBeUndefined()
    const rows = await server.sql`
      select detail from events where user_id = ${other.user.id} and kind = 'roles_changed' order by created_at`
    expect(rows.map(({ detail }) => detail)).toEqual([`+${first}`, `=${first} =${second}`])
  })

  test('names every role in the events, also behind others with long names', async () => {
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    const { user } = await server.registerUser()
    const roles = ['a', 'b', 'c', 'd', 'e'].map((letter) => `long-${letter.repeat(50)}-${adapter}`)
    for (const name of roles) await addRole(server, name, [])

    await client.call('setUserRoles', { id: user.id, roles: [...roles, 'admin'] })
    await client.call('setUserRoles', { id: user.id, roles: [] })

    const rows = await server.sql`
      select detail from events where user_id = ${user.id} and kind = 'roles_changed' order by created_at`
    const words = rows.flatMap(({ detail }) => detail.split(' '))
    const all = [...roles, 'admin']
    expect(words.toSorted()).toEqual(
      [...all.map((name) => `+${name}`), ...all.map((name) => `-${name}`)].toSorted(),
    )
  })

  test('creates no more roles than every replica keeps in memory', async () => {
    const { client } = await registerAdministrator(server, ['admin'], adapter)
    await server.sql`insert into roles (name, permissions) select 'filler' || n, '{}' from generate_series(1, ${MAX_STORED_ROLES}) n`
    const put = (name: string) => client.call('putRole', { name, permissions: [] })

    expect(await put('one-too-many')).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'name' }] })
    expect((await put('filler1')).code).toBeUndefined()
    await server.sql`delete from roles where name like 'filler%'`
    await server.catchUp()
  })

  test('takes a removed role from its holders', async () => {
    const name = `doomed-${adapter}`
    await addRole(server, name, ['roles:read'])
    const { client, user } = await registerAdministrator(server, [name], adapter)
    const admin = await registerAdministrator(server, ['admin'], adapter)

    expect((await admin.client.call('removeRole', { name })).data).toBe(true)

    expect((await client.call('roles')).code).toBe('FORBIDDEN')
    expect((await client.me()).data?.roles).toEqual([])
    expect(await server.eventsOf(user.id)).toContain('roles_changed')
    expect((await admin.client.call('removeRole', { name })).code).toBe('NOT_FOUND')
  })

  test('refuses to remove a role with more holders than one transaction may change', async () => {
    const name = `crowded-${adapter}`
    await addRole(server, name, ['roles:read'])
    const admin = await registerAdministrator(server, ['admin'], adapter)
    await server.sql`
      insert into users (email, password, roles)
      select ${name} || n || '@example.com', 'x', array[${name}] from generate_series(1, ${MAX_HOLDERS + 1}::int) n`

    const refused = await admin.client.call('removeRole', { name })
    const [row] = await server.sql`select count(*)::int as holders from users where ${name} = any(roles)`
    await server.sql`update users set roles = '{}' where email = ${`${name}1@example.com`}`

    expect(refused).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'name' }] })
    expect(row?.holders).toBe(MAX_HOLDERS + 1)
    expect((await admin.client.call('removeRole', { name })).data).toBe(true)
  })

  test('follows a change of the role or of its holder at once', async () => {
    await addRole(server, `fickle-${adapter}`, ['roles:read'])
    const { client, email } = await registerAdministrator(server, [`fickle-${adapter}`], adapter)
    expect((await client.call('roles')).code).toBeUndefined()

    await server.sql`update roles set permissions = '{users:read}' where name = ${`fickle-${adapter}`}`
    await server.catchUp()
    expect((await client.call('roles')).code).toBe('FORBIDDEN')

    await server.sql`update users set roles = '{admin}' where email = ${email}`
    await server.catchUp()
    expect((await client.call('roles')).code).toBeUndefined()
    expect((await client.me()).data?.roles).toEqual(['admin'])
  })
})
