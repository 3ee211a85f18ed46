import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Secret } from 'otpauth'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ROOT } from '../src/root.ts'
import { createAuthenticator } from './support/authenticator.ts'
import { ADAPTERS } from './support/client.ts'
import { callCommand } from './support/command.ts'
import { createDatabase } from './support/database.ts'
import { createFile, createFolder } from './support/folder.ts'
import { startProcess } from './support/process.ts'
import { REAL_HASHES, useServer } from './support/server.ts'

const server = useServer(REAL_HASHES)
const PASSWORD = 'correct horse battery'
const EXPORTS = fileURLToPath(new URL('fixtures/exports', import.meta.url))
const exports = await readdir(EXPORTS)
const PAGES = join(ROOT, 'docs/moving')
const pages = await Promise.all((await readdir(PAGES)).map((name) => readFile(join(PAGES, name), 'utf8')))

/** The arguments of the commands that the pages show for a source, without the list of results. */
const commandsFor = (source: string) =>
  [...pages.join('\n').matchAll(/run servauth (import (\S+).*)$/gm)].flatMap(([, words = '', name]) =>
    name === source ? [words.replace(/ --map \S+/, '')] : [],
  )

/** Runs a command as in the folder of the exports. */
function runHere(words: string, env: Record<string, string> = {}) {
  const found = words.split(' ').map((word) => (exports.includes(word) ? join(EXPORTS, word) : word))
  return callCommand(found.join(' '), { env: { ...server.env, ...env } })
}

const readUser = async (email: string) => (await server.sql`select * from users where email = ${email}`)[0]

/** A sign-in over each adapter, the first of which makes the hash ours. */
async function signIn(email: string) {
  for (const adapter of ADAPTERS) {
    const { code } = await server.client(adapter, 'TOKEN').login({ email, password: PASSWORD })
    expect([email, code]).toEqual([email, undefined])
  }
  expect((await readUser(email))?.password).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
}

/** A sign-in that needs a code of the authenticator app that was imported. */
async function signInWithApp(email: string, key: string) {
  const client = server.client('GraphQL', 'TOKEN')
  const login = await client.login({ email, password: PASSWORD })
  expect(login.code).toBe('SECOND_FACTOR_REQUIRED')
  const totp = createAuthenticator(key).code()
  const completed = await client.completeLogin(login.challenge?.id, { totp })
  expect(completed.code).toBeUndefined()
}

describe.each([
  ['csv', ['ada@members.example'], ['grace@members.example'], ['alan@members.example']],
  ['json', ['nested@members.example'], [], []],
  ['auth0', ['user1@auth0.example', 'user2@auth0.example'], [], ['google@auth0.example']],
  ['firebase', ['user1@firebase.example'], ['user2@firebase.example'], ['google@firebase.example']],
  [
    'keycloak',
    ['sha1', 'sha256', 'sha512', 'argon2'].map((name) => `${name}@keycloak.example`),
    ['disabled@keycloak.example'],
    ['google@keycloak.example'],
  ],
  [
    'django',
    ['ada@django.example', 'edsger@django.example'],
    ['grace@django.example'],
    ['alan@django.example'],
  ],
  ['devise', ['ada@devise.example', 'grace@devise.example'], [], []],
] as const)('an import from %s', (source, able, disabled, passwordless) => {
  test('users sign in after the commands of its page, and their hashes are ours afterwards', async () => {
    const outputs = []
    for (const words of commandsFor(source)) {
      const { code, output } = await runHere(words)
      expect([words, code, output]).toEqual([words, 0, expect.stringMatching(/^[1-9]\d* imported\./m)])
      outputs.push(output)
    }
    expect(outputs.length).toBeGreaterThan(0)

    for (const email of able) await signIn(email)
    for (const email of disabled) {
      expect((await readUser(email))?.disabled_at).not.toBeNull()
      expect((await server.client().login({ email, password: PASSWORD })).code).toBe('INVALID_CREDENTIALS')
    }
    for (const email of passwordless) {
      expect((await readUser(email))?.password_locked_at).not.toBeNull()
      expect((await server.client().login({ email, password: '' })).code).toBe('INVALID_INPUT')
    }
    for (const words of commandsFor(source)) {
      expect((await runHere(words)).output).toMatch(/^0 imported\.\n[1-9]\d* imported before/m)
    }
  })
})

test('an import from Supabase reads the database and takes authenticator apps', async () => {
  const source = await createDatabase()
  await source.sql.unsafe(await readFile(`${EXPORTS}/supabase.sql`, 'utf8'))
  const [words = ''] = commandsFor('supabase')

  await server.sql`insert into roles (name, permissions) values ('staff', '{users:read}') on conflict do nothing`
  const dry = await runHere(`${words} --dry-run`, { IMPORT_URL: source.url })
  const { code, output } = await runHere(`${words} --roles editor=staff --claims plan`, {
    IMPORT_URL: source.url,
  })
  await source.drop()

  expect([code, output]).toEqual([0, expect.stringMatching(/^4 imported\./m)])
  expect(dry.output).toContain('1 with roles there that --roles does not name: editor.')
  expect(dry.output).toContain('1 with claims there that --claims does not name: plan, role.')
  expect(output).toContain('1 without a password')
  expect(output).toContain('1 with an authenticator app')
  expect(output).not.toContain(new URL(source.url).password)
  await signIn('ada@supabase.example')
  await signInWithApp('factor@supabase.example', 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP')
  expect(await readUser('ada@supabase.example')).toMatchObject({
    id: '7d0e4b7e-3c1f-4f8e-9d7a-000000000001',
    roles: ['staff'],
    claims: { plan: 'pro' },
  })
  expect(await readUser('banned@supabase.example')).toMatchObject({
    disabled_at: expect.any(Date),
    disabled_until: new Date('2999-01-01T00:00:00Z'),
  })
})

test('authenticator apps of Keycloak and of a column give codes that sign in', async () => {
  await signInWithApp('factor@keycloak.example', Secret.fromUTF8('hnBqJpwQOf8tYCZpdZQY').base32)
  await signInWithApp('factor@members.example', 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP')
})

test('roles and claims come only from columns that the operator names, and must exist here', async () => {
  const roles = ['support', 'admin']
  const user = { email: 'roles@members.example', roles, claims: { plan: 'pro' } }
  const file = await createFile('roles.json', JSON.stringify([user]))
  const read = async () =>
    (await server.sql`select roles, claims from users where email = 'roles@members.example'`)[0]

  const missing = await runHere(`import json ${file} --columns roles=roles,claims=claims`)
  await runHere(`import json ${file}`)
  const unnamed = await read()
  await server.sql`delete from users where email = 'roles@members.example'`
  await server.sql`insert into roles (name, permissions) values ('support', '{users:read}')`
  await runHere(`import json ${file} --columns roles=roles,claims=claims`)

  expect(missing).toMatchObject({ code: 1, output: expect.stringContaining('do not exist here: support') })
  expect(unnamed).toEqual({ roles: [], claims: {} })
  expect(await read()).toEqual({ roles, claims: { plan: 'pro' } })
})

const GRANTS = [
  ['firebase users.json --hash-config hash-config.txt', 'user1@firebase.example', 'admin', 'plan'],
  ['keycloak shop-users-0.json', 'sha1@keycloak.example', 'editor', 'plan'],
  ['auth0 auth0-users.ndjson', 'user1@auth0.example', 'editor', 'plan'],
  ['django auth_user.csv', 'ada@django.example', 'is_superuser', ''],
  ['django auth_user.json', 'edsger@django.example', 'editors', ''],
] as const
test.each(GRANTS)(
  'import %s takes only the roles and claims that the operator names',
  async (source, email, role, claim) => {
    const read = async () => {
      const [user] = await server.sql`delete from users where email = ${email} returning roles, claims`
      return user
    }
    await server.sql`delete from users where email = ${email}`
    await server.sql`insert into roles (name, permissions) values ('staff', '{users:read}') on conflict do nothing`

    const plain = await runHere(`import ${source}`)
    const without = await read()
    const missing = await runHere(`import ${source} --roles ${role}=unknown`)
    const chosen = `--roles ${role}=staff ${claim && `--claims ${claim}=level`}`
    await runHere(`import ${source} ${chosen}`)

    expect(without).toEqual({ roles: [], claims: {} })
    expect(plain.output).toMatch(new RegExp(`with roles there that --roles does not name: .*\\b${role}\\b`))
    expect(missing.output).toContain('do not exist here: unknown')
    expect(await read()).toEqual({ roles: ['staff'], claims: claim ? { level: 'pro' } : {} })
  },
)

test('an import takes the language of an account', async () => {
  await server.sql`delete from users where email = 'sha1@keycloak.example'`
  const file = await createFile(
    'locale.csv',
    'email,locale\na@locale.example,pt_BR\nb@locale.example,de-u-ca-islamicc-nu-latn-co-phonebk\n',
  )

  const keycloak = await runHere('import keycloak shop-users-0.json')
  await runHere(`import csv ${file}`)

  const locales = ['sha1@keycloak.example', 'a@locale.example', 'b@locale.example'].map(
    async (email) => (await readUser(email))?.locale,
  )
  expect(await Promise.all(locales)).toEqual(['de-AT', 'pt-BR', null])
  expect(keycloak.output).toContain('with claims there that --claims does not name: plan.')
})

test('the file of hashes of Auth0 is enough, and a file without lines is refused', async () => {
  await server.sql`delete from users where email like '%@auth0.example'`
  const alone = await runHere('import auth0 auth0-hashes.ndjson --dry-run')
  const wrong = await runHere('import auth0 auth0-users.ndjson --hashes users.json --dry-run')

  expect(alone.output).toMatch(/^2 would be imported/m)
  expect(wrong).toMatchObject({ code: 1, output: expect.stringContaining('users.json, line 1 is not JSON') })
})

test('an import from Devise needs the confirmation that there is no pepper, and says why', async () => {
  const { code, output } = await runHere('import devise devise-users.csv')

  expect(code).toBe(1)
  expect(output).toContain('config.pepper')
  expect(output).toContain('--without-hashes')
})

test('an import with --wrap leaves no hash of another kind, and users sign in', async () => {
  await server.sql`delete from users`

  const { code, output } = await runHere('import keycloak shop-users-0.json --wrap')
  const stored = (await server.sql`select password from users`).map(({ password }) => password as string)

  expect([code, output]).toEqual([0, expect.stringMatching(/^7 imported\./m)])
  for (const hash of stored) expect(hash).toMatch(/^\$argon2/)
  expect(stored.filter((hash) => hash.startsWith('$argon2id-of-pbkdf2-'))).toHaveLength(3)
  await signIn('sha256@keycloak.example')
})

test('an import with --without-hashes takes accounts whose users set a password by mail', async () => {
  await server.sql`delete from users`

  await runHere('import devise devise-users.csv --without-hashes')

  const login = await server.client().login({ email: 'ada@devise.example', password: PASSWORD })
  expect(login.code).toBe('INVALID_CREDENTIALS')
  expect((await readUser('ada@devise.example'))?.password_locked_at).not.toBeNull()
})

test('a file that cannot be read is refused before anything is imported, without its values', async () => {
  await server.sql`delete from users`
  const file = join(await createFolder(), 'bad.csv')
  const header = 'email,email_verified,created_at'
  for (const [line, words] of [
    ['ada@example.com,perhaps-secret,', 'record 2: email_verified must be true, false or a time'],
    ['ada@example.com,true,perhaps-secret', 'record 2: created_at must be a time'],
  ] as const) {
    await writeFile(file, `${header}\nfirst@example.com,true,\n${line}\n`)
    const { output } = await runHere(`import csv ${file}`)
    expect(output).toContain(words)
    expect(output).not.toContain('perhaps-secret')
    expect(await server.sql`select from users`).toHaveLength(0)
  }
  const noFile = await runHere('import csv missing.csv')
  const folder = await runHere('import csv .')
  const noAddress = await runHere('import json members.json')
  const wrongMapping = await runHere('import csv members.csv --columns email=nowhere')

  expect(noFile.output).toContain('missing.csv cannot be read (ENOENT)')
  expect(folder.output).toContain('. is a folder. Name the files in it.')
  expect(noAddress.output).toContain('There is no column with the e-mail address')
  expect(wrongMapping.output).toContain('has no nowhere')
})

test('an import waits for a database that is busy, and loses nothing', async () => {
  await server.sql`delete from users`
  const lines = Array.from({ length: 100 }, (_, n) => `busy${n}@example.com`)
  const file = await createFile('busy.csv', ['email', ...lines].join('\n'))
  const lock = await server.sql.reserve()
  onTestFinished(async () => {
    await lock`rollback`
    lock.release()
  })
  await lock`begin`
  await lock`lock table events in share row exclusive mode`

  const running = runHere(`import csv ${file}`)
  const attempts = new Set<number>()
  await expect
    .poll(async () => {
      const waiting =
        await lock`select l.waitstart from pg_locks l where not granted and relation = 'events'::regclass`
      for (const { waitstart } of waiting) if (waitstart) attempts.add(Number(waitstart))
      return attempts.size
    })
    .toBeGreaterThan(1)
  await lock`rollback`
  const { code, output } = await running

  expect([code, output]).toEqual([0, expect.stringMatching(/^100 imported\./m)])
})

test('an import that is killed continues where it was', async () => {
  await server.sql`delete from users`
  const folder = await createFolder()
  const file = join(folder, 'many.csv')
  const hash = '$2b$06$by7zXQHws.rJZ8PRfz7.mOlBiYDcjSNXnz3jtGgGNIJnt0WM46ub.'
  const lines = Array.from({ length: 30_000 }, (_, n) => `many${n}@example.com,${hash}`)
  await writeFile(file, ['email,password_hash', ...lines].join('\n'))
  const count = async () => (await server.sql`select count(*)::int as count from users`)[0]?.count as number

  const first = startProcess({ args: ['import', 'csv', file], env: server.env })
  await expect.poll(count).toBeGreaterThan(0)
  first.kill('SIGKILL')
  await first.exited
  const left = await count()
  const again = await runHere(`import csv ${file}`)

  expect(left).toBeLessThan(30_000)
  expect(again.output).toMatch(/^\d+ imported\.\n\d+ imported before/m)
  expect(await count()).toBe(30_000)
  expect(
    await server.sql`select from events where kind = 'account_imported' and user_id in (select id from users)`,
  ).toHaveLength(30_000)
})
