import { expect, test } from 'vitest'
import { account } from './support/client.ts'
import { REAL_HASHES, useServer } from './support/server.ts'

const server = useServer(REAL_HASHES)

test('the tables have the promised columns', async () => {
  const rows = await server.sql`
    select table_name || '.' || column_name as name,
      data_type || coalesce('(' || character_maximum_length || ')', '') || case is_nullable when 'NO' then ' not null' else '' end as type
    from information_schema.columns where table_schema = 'public'`
  const columns = Object.fromEntries(rows.map(({ name, type }) => [name, type]))

  expect(columns).toMatchObject({
    'users.id': 'uuid not null',
    'users.email': 'character varying(255) not null',
    'users.password': 'character varying(255) not null',
    'users.username': 'character varying(100)',
    'users.created_at': 'timestamp with time zone not null',
    'users.updated_at': 'timestamp with time zone not null',
    'sessions.id': 'uuid not null',
    'sessions.user_id': 'uuid not null',
    'sessions.token': 'character varying(255) not null',
    'sessions.previous_token': 'character varying(255)',
    'sessions.rotated_at': 'timestamp with time zone',
    'sessions.expires_at': 'timestamp with time zone not null',
    'sessions.created_at': 'timestamp with time zone not null',
  })
})

test('passwords are stored as Argon2id with the promised parameters', async () => {
  const { email } = await server.registerUser()

  const [row] = await server.sql`select password from users where email = ${email}`

  expect(row?.password).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})

test('no table stores a password, token or other secret in clear', async () => {
  const input = account()
  const clients = [server.client('GraphQL', 'TOKEN'), server.client('REST', 'COOKIE')]
  const secrets: string[] = [input.password, server.env.AUTH_SECRET]
  for (const [index, client] of clients.entries()) {
    await (index === 0 ? client.register(input) : client.login(input))
    const before = client.secret()
    await client.refresh()
    secrets.push(
      ...[before, client.secret(), client.kept.accessToken].map((secret) =>
        (secret ?? '').replace(/^.*=/, ''),
      ),
    )
  }

  const dump = await server.dump()

  expect(dump).toContain(input.email)
  expect(secrets.every((secret) => secret.length > 8)).toBe(true)
  for (const secret of secrets) expect(dump).not.toContain(secret)
})

test('updated_at follows every change of a user, by plain SQL too', async () => {
  const { user } = await server.registerUser()
  await server.sql`update users set username = 'changed' where id = ${user.id}`

  const [row] = await server.sql`select updated_at > created_at as follows from users where id = ${user.id}`

  expect(row?.follows).toBe(true)
})

test('the sessions of a deleted user are deleted too', async () => {
  const { user } = await server.registerUser()

  await server.sql`delete from users where id = ${user.id}`

  expect(await server.sql`select from sessions where user_id = ${user.id}`).toHaveLength(0)
})
