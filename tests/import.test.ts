import { randomUUID } from 'node:crypto'
import { readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hash } from '@node-rs/argon2'
import { afterAll, describe, expect, test } from 'vitest'
import { ROOT } from '../src/root.ts'
import { createAuthenticator } from './support/authenticator.ts'
import { openBetterAuth, useBetterAuth } from './support/better-auth.ts'
import { account, WAYS } from './support/client.ts'
import { callCommand } from './support/command.ts'
import { createDatabase } from './support/database.ts'
import { createFolder } from './support/folder.ts'
import { runCommand } from './support/process.ts'
import { openForTest } from './support/resource.ts'
import { REAL_HASHES, type Server, startServer, startServerWithMail, useServer } from './support/server.ts'

const PASSWORD = 'a long enough phrase'
const person = () => ({ ...account(), password: PASSWORD, name: 'Ada' })
const keyOf = ({ email, password }: { email: string; password: string }) => ({ email, password })
const mapFile = join(tmpdir(), `servauth-import-${process.pid}.csv`)
afterAll(() => rm(mapFile, { force: true }))

const importInto = (
  server: Server,
  source: { url: string },
  options = '',
  env: Record<string, string> = {},
) => callCommand(`import better-auth ${options}`, { env: { ...server.env, IMPORT_URL: source.url, ...env } })

const passwordOf = async (server: Server, email: string) =>
  (await server.sql`select password from users where email = ${email}`)[0]?.password

describe('a user who is imported from Better-Auth', () => {
  const source = useBetterAuth()
  const server = useServer(REAL_HASHES)

  test.each(WAYS)(
    'an imported user signs in with their password by $adapter with $transport',
    async ({ adapter, transport }) => {
      const { email, password, name } = person()
      const before = await source.signUp({ email, password, name })
      await source.sql`update "user" set "emailVerified" = true, "createdAt" = '2024-05-06T07:08:09Z' where email = ${email}`

      const { code } = await importInto(server, source)
      const imported = await passwordOf(server, email)
      const wrong = await server.client(adapter, transport).login({ email, password: 'not the password' })
      const client = server.client(adapter, transport)
      const login = await client.login({ email: email.toUpperCase(), password })

      expect(code).toBe(0)
      expect(imported).toMatch(/^[0-9a-f]{32}:[0-9a-f]{128}$/)
      expect(wrong.code).toBe('INVALID_CREDENTIALS')
      expect(login.data?.user).toMatchObject({
        email,
        username: name,
        emailVerified: true,
        createdAt: '2024-05-06T07:08:09.000Z',
      })
      expect(login.data?.user.id).not.toBe(before.id)
      expect(await passwordOf(server, email)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
      expect((await server.client(adapter, transport).login({ email, password })).code).toBeUndefined()
      expect((await client.events()).data?.map(({ kind }) => kind)).toContain('account_imported')
    },
  )

  test('the first sign-in of an imported user is mailed, also if the account is young', async () => {
    const withMail = await startServerWithMail()
    const { email, password, name } = person()
    await source.signUp({ email, password, name })
    await source.sql`update "user" set "emailVerified" = true where email = ${email}`
    await importInto(withMail, source)
    const taker = withMail.client()
    await taker.login({ email, password })

    const token = await withMail.mailbox.token(email, /New sign-in/)
    const report = await withMail
      .client()
      .call('reportSignIn', { token, newPassword: 'a phrase of its owner' })

    expect(report.data).toBe(true)
    expect((await taker.me()).code).toBe('UNAUTHENTICATED')
  })

  test.each(['12024-05-06', 'infinity'])(
    'a user who was created at %s there is created now',
    async (time) => {
      const { email, password, name } = person()
      await source.signUp({ email, password, name })
      await source.sql`update "user" set "createdAt" = ${time}::text::timestamptz where email = ${email}`

      const { code, output } = await importInto(server, source)
      const { data } = await server.client().login({ email, password })

      expect({ code, output }).toMatchObject({ code: 0 })
      expect(Date.now() - Date.parse(data?.user.createdAt ?? '')).toBeLessThan(60_000)
    },
  )

  test('an empty name in the text of roles is none of a role', async () => {
    const [editor, other] = [person(), person()]
    for (const each of [editor, other]) await source.signUp(each)
    await source.sql`update "user" set role = ''`
    await source.sql`update "user" set role = ' editor, ,' where email = ${editor.email}`

    const { output } = await importInto(server, source)

    expect(output).toMatch(/^1 with roles there that --roles does not name: editor\.$/m)
  })

  test('an imported user can change the password while the hash is still scrypt', async () => {
    const { email, password, name } = person()
    await source.signUp({ email, password, name })
    await importInto(server, source)
    const scrypt = await passwordOf(server, email)
    const client = server.client()
    await client.login({ email, password })
    await server.sql`update users set password = ${scrypt} where email = ${email}`

    const changed = await client.changePassword({
      currentPassword: password,
      newPassword: 'another long phrase',
    })

    expect(changed.code).toBeUndefined()
    expect(await passwordOf(server, email)).toMatch(/^\$argon2id\$/)
  })

  test('an authenticator app signs in after the import if the secret of Better-Auth is given', async () => {
    const [withApp, without] = [person(), person()]
    for (const each of [withApp, without]) await source.signUp(each)
    const key = await source.enrolApp(withApp)
    const count = async () => (await server.sql`select from users where email = ${withApp.email}`).length

    const wrong = await importInto(server, source, '', { IMPORT_SECRET: 'x'.repeat(32) })
    expect([wrong.code, wrong.output, await count()]).toEqual([
      1,
      expect.stringContaining('IMPORT_SECRET does not decrypt'),
      0,
    ])
    const { output } = await importInto(server, source, '', { IMPORT_SECRET: source.secret })
    const client = server.client('GraphQL', 'TOKEN')
    const login = await client.login(keyOf(withApp))
    const completed = await client.completeLogin(login.challenge?.id, {
      totp: createAuthenticator(key).code(),
    })

    expect(output).toContain('1 with an authenticator app, which is needed here too.')
    expect(login.code).toBe('SECOND_FACTOR_REQUIRED')
    expect(completed.code).toBeUndefined()
    expect((await server.client('GraphQL', 'TOKEN').login(keyOf(without))).code).toBeUndefined()
  })

  test('an import keeps UUIDs, Argon2 hashes and bans', async () => {
    const [first, second] = [person(), person()]
    for (const each of [first, second]) await source.signUp(each)
    const id = randomUUID()
    const argon2 = await hash(PASSWORD, { algorithm: 0, memoryCost: 8192, timeCost: 3, parallelism: 1 })
    await source.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`
      await tx`update account set password = ${argon2}, "userId" = ${id}
        where "userId" = (select id from "user" where email = ${first.email})`
      await tx`update "user" set id = ${id} where email = ${first.email}`
    })
    await source.sql`update "user" set banned = true where email = ${second.email}`

    const { output } = await importInto(server, source)
    const login = await server.client('GraphQL', 'TOKEN').login({ email: first.email, password: PASSWORD })
    const banned = await server.client('GraphQL', 'TOKEN').login({ email: second.email, password: PASSWORD })

    expect(login.data?.user.id).toBe(id)
    expect(await passwordOf(server, first.email)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(banned.code).toBe('INVALID_CREDENTIALS')
    expect(output).toContain('1 banned there, and disabled here.')
  })

  test('a ban that has an end there ends here too', async () => {
    const [longer, over] = [person(), person()]
    for (const each of [longer, over]) await source.signUp(each)
    await source.sql`update "user" set banned = true, "banExpires" =
      case email when ${longer.email} then '2999-01-31 10:15:00' else '2024-01-31 10:15:00' end::timestamp
      where email = any(${[longer.email, over.email]})`

    await importInto(server, source)

    const rows = await server.sql`select email, disabled_at, disabled_until from users
      where email = any(${[longer.email, over.email]}) order by email = ${over.email}`
    expect(rows).toEqual([
      {
        email: longer.email,
        disabled_at: expect.any(Date),
        disabled_until: new Date('2999-01-31T10:15:00Z'),
      },
      { email: over.email, disabled_at: null, disabled_until: null },
    ])
  })
})

test('the commands of docs/moving/better-auth.md import the users', async () => {
  const page = await readFile(join(ROOT, 'docs/moving/better-auth.md'), 'utf8')
  const commands = [...page.matchAll(/run servauth (import .*)$/gm)].map(([, words = '']) => words)
  const source = await openForTest(openBetterAuth)
  const server = await startServer()
  const user = person()
  await source.signUp(user)
  const cwd = await createFolder()

  const outputs = []
  for (const words of commands) {
    const { output } = await runCommand(words, { cwd, env: { ...server.env, IMPORT_URL: source.url } })
    outputs.push(output.split('\n')[0])
  }

  expect(outputs).toEqual(['1 would be imported; nothing was changed.', '1 imported.'])
  expect(await readFile(join(cwd, 'moved.csv'), 'utf8')).toContain(user.email)
})

describe('an import', () => {
  const source = useBetterAuth()
  const server = useServer(REAL_HASHES)
  const countHere = async () => (await server.sql`select from users`).length

  test('an import reports what it cannot import, and a dry run changes nothing', async () => {
    const people = Array.from({ length: 3 }, person)
    for (const each of people) await source.signUp(each)
    const add = async (email: string, password: string | null, provider = 'credential') => {
      const id = randomUUID().replaceAll('-', '').slice(0, 24)
      await source.sql`insert into "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
        values (${id}, 'Grace', ${email}, false, now(), now())`
      await source.sql`insert into account (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
        values (${id}, ${id}, ${provider}, ${id}, ${password}, now(), now())`
      return id
    }
    const scrypt = `${'a'.repeat(32)}:${'b'.repeat(128)}`
    await add('Twice@example.com', scrypt)
    await add('ｔｗｉｃｅ@example.com', scrypt)
    await add('no address\u001b[31m', scrypt)
    await add('social@example.com', null, 'github')
    await add('bcrypt@example.com', '$2b$10$abcdefghijklmnopqrstuv')
    const here = { ...account(), username: 'Here' }
    await server.client().register(here)
    await add(here.email.toUpperCase(), scrypt)
    const both = await add('both@example.com', scrypt)
    await source.sql`insert into account (id, "accountId", "providerId", "userId", "createdAt", "updatedAt")
      values ('both-2', 'both-2', 'google', ${both}, now(), now())`
    const before = await server.sql`select * from users`

    const dry = await importInto(server, source, '--dry-run')
    expect(await server.sql`select * from users`).toEqual(before)
    const first = await importInto(server, source, `--map ${mapFile}`)
    const after = await server.sql`select * from users order by id`
    const again = await importInto(server, source, `--map ${mapFile}`)

    for (const { code } of [dry, first, again]) expect(code).toBe(0)
    expect(dry.output).toContain('4 would be imported; nothing was changed.')
    for (const { output } of [dry, first, again]) {
      for (const words of [
        '2 not imported: address is there twice.',
        'Twice@example.com',
        '1 not imported: address is invalid.',
        'no address?[31m',
        '1 not imported: no password.',
        'signs in with github',
        '1 not imported: unknown kind of hash.',
        '1 not imported: address is taken here.',
        'every user must sign in again',
      ]) {
        expect(output).toContain(words)
      }
    }
    expect(first.output).toContain('4 imported.')
    expect(first.output).toContain('1 with a sign-in there by another provider')
    expect(again.output).toContain('0 imported.\n4 imported before')
    expect(await server.sql`select * from users order by id`).toEqual(after)
    expect((await server.client().login(keyOf(here))).data?.user.username).toBe('Here')

    const map = await readFile(mapFile, 'utf8')
    const [row] = await server.sql`select id from users where email = 'both@example.com'`
    expect((await stat(mapFile)).mode & 0o777).toBe(0o600)
    expect(map).toContain(`"${both}","${row?.id}","both@example.com","imported before"\r\n`)
    expect(map.trim().split('\r\n')).toHaveLength(1 + 3 + 7)
    for (const secret of [scrypt, new URL(source.url).password]) {
      for (const text of [map, dry.output, first.output]) expect(text).not.toContain(secret)
    }
  })

  test('an import refuses a hash that costs many times as much as the server’s own', async () => {
    const [usual, hungry, slow] = [person(), person(), person()]
    const costs = [
      [usual, 65_536, 4],
      [hungry, 131_072, 1],
      [slow, 19_456, 20],
    ] as const
    for (const [each, memory, passes] of costs) {
      await source.signUp(each)
      const hashed = `$argon2id$v=19$m=${memory},t=${passes},p=1$${'c'.repeat(22)}$${'d'.repeat(43)}`
      await source.sql`update account set password = ${hashed}
        where "userId" = (select id from "user" where email = ${each.email})`
    }

    const { output } = await importInto(server, source)

    expect(output).toContain('2 not imported: hash costs too much to check.')
    expect(await passwordOf(server, usual.email)).toContain('m=65536,t=4')
    for (const { email } of [hungry, slow]) expect(await passwordOf(server, email)).toBeUndefined()
  })

  test('an import refuses invalid Argon2 hashes and writes no formula into the list', async () => {
    const people = [person(), person(), person(), person()]
    const hashes = [
      `$argon2id$v=19$m=8,t=1,p=8$${'c'.repeat(22)}$${'d'.repeat(43)}`,
      `$argon2id$v=19$m=19456,t=0,p=1$${'c'.repeat(22)}$${'d'.repeat(43)}`,
      `$argon2id$v=19$m=19456,t=2,p=1$${'_'.repeat(22)}$${'d'.repeat(43)}`,
      `$argon2id$v=19$m=19456,t=2,p=1$c$${'d'.repeat(43)}`,
    ]
    for (const [index, each] of people.entries()) {
      await source.signUp(each)
      await source.sql`update account set password = ${hashes[index] ?? ''}
        where "userId" = (select id from "user" where email = ${each.email})`
    }
    await source.sql`update "user" set email = ${`+${people[0]?.email}`} where email = ${people[0]?.email ?? ''}`

    await importInto(server, source, `--map ${mapFile}`)

    for (const { email } of people) expect(await passwordOf(server, email)).toBeUndefined()
    expect(await readFile(mapFile, 'utf8')).toContain(`"'+${people[0]?.email}","unknown kind of hash"`)
  })

  test('an import does not touch users who changed their address or deleted the account since', async () => {
    const [moved, left] = [person(), person()]
    for (const each of [moved, left]) await source.signUp(each)
    await importInto(server, source)
    const moving = server.client('REST', 'COOKIE')
    await moving.login(keyOf(moved))
    await moving.updateMe({ email: account().email })
    const leaving = server.client('REST', 'COOKIE')
    await leaving.login(keyOf(left))
    await leaving.deleteMe({ password: PASSWORD })
    const count = await countHere()

    const { output } = await importInto(server, source)

    expect(output).toContain('0 imported.')
    expect(output).toContain('1 not imported: deleted here since.')
    expect(await countHere()).toBe(count)
  })

  test('an import takes a thousand accounts in batches, from columns in snake case too', async () => {
    for (const [table, columns] of [
      ['user', ['emailVerified', 'createdAt', 'updatedAt', 'banExpires']],
      ['account', ['userId', 'providerId', 'accountId']],
    ] as const) {
      for (const name of columns) {
        const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
        await source.sql`alter table ${source.sql(table)} rename column ${source.sql(name)} to ${source.sql(snake)}`
      }
    }
    await source.sql`insert into "user" (id, name, email, email_verified, created_at, updated_at)
      select 'many' || n, 'Many', 'many' || n || '@example.com', true, now(), now() from generate_series(1, 1000) n`
    await source.sql`insert into account (id, account_id, provider_id, user_id, password, "createdAt", "updatedAt")
      select 'many' || n, 'many' || n, 'credential', 'many' || n, ${`${'a'.repeat(32)}:${'b'.repeat(128)}`}, now(), now()
      from generate_series(1, 1000) n`

    const { code, output } = await importInto(server, source)

    expect([code, output]).toEqual([0, expect.stringContaining('1000 imported.')])
    expect(await server.sql`select from users where email like 'many%' and email_verified`).toHaveLength(1000)
  })

  test('an import from another database or a missing one fails with a reason', async () => {
    const empty = await createDatabase()
    const noTable = await importInto(server, { url: empty.url })
    await empty.drop()
    const gone = await importInto(server, { url: empty.url })
    const down = await importInto(server, { url: 'postgres://u:p@127.0.0.1:1/there' })
    const noUrl = await importInto(server, { url: 'mysql://localhost/x' })
    const argument = await callCommand(`import better-auth ${source.url}`, { env: server.env })

    expect(noTable).toMatchObject({ code: 1, output: expect.stringContaining('There is no table "user"') })
    expect(gone).toMatchObject({ code: 1, output: expect.stringContaining('does not exist') })
    expect(down).toMatchObject({
      code: 1,
      output: expect.stringMatching(/database of IMPORT_URL .*ECONNREFUSED.*correct IMPORT_URL/),
    })
    expect(noUrl).toMatchObject({
      code: 2,
      output: expect.stringContaining('must be a URL, such as postgres://'),
    })
    expect(gone.output).not.toContain(new URL(empty.url).password)
    expect(argument).toMatchObject({ code: 1, output: expect.stringContaining('into IMPORT_URL') })
    expect(argument.output).not.toContain(new URL(source.url).password)
  })
})
