import { beforeAll, expect, test } from 'vitest'
import { account } from './support/client.ts'
import { startServer } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServer>>
beforeAll(async () => {
  server = await startServer()
})

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

test('passwords are Argon2id with the promised parameters', async () => {
  const { email } = (await server.client('REST', 'TOKEN').register()).data?.user ?? {}

  const [row] = await server.sql`select password from users where email = ${email ?? ''}`

  expect(row?.password).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})

test('no stored value holds anything that was handed out or taken in secret', async () => {
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

  const tables =
    await server.sql`select table_name as name from information_schema.tables where table_schema = 'public'`
  const dumps = await Promise.all(
    tables.map(({ name }) => server.sql`select t::text from ${server.sql(name)} t`),
  )

  const dump = JSON.stringify(dumps)
  expect(dump).toContain(input.email)
  expect(secrets.every((secret) => secret.length > 8)).toBe(true)
  for (const secret of secrets) expect(dump).not.toContain(secret)
})

test('updated_at follows every change, also one by plain SQL', async () => {
  const { id } = (await server.client('REST', 'TOKEN').register()).data?.user ?? {}
  await server.sql`update users set username = 'changed' where id = ${id ?? ''}`

  const [row] = await server.sql`select updated_at > created_at as follows from users where id = ${id ?? ''}`

  expect(row?.follows).toBe(true)
})

test('deleting a user takes the sessions with it', async () => {
  const { id } = (await server.client('REST', 'TOKEN').register()).data?.user ?? {}

  await server.sql`delete from users where id = ${id ?? ''}`

  expect(await server.sql`select from sessions where user_id = ${id ?? ''}`).toHaveLength(0)
})
