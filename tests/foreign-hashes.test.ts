import { describe, expect, test } from 'vitest'
import { findMissingWork } from '../src/auth/passwords/hashes/failure-cost.ts'
import { firebaseScrypt, fromBase64, toStoredHash } from '../src/auth/passwords/hashes/notations.ts'
import { classOf, readClass, readHash } from '../src/auth/passwords/hashes/stored-hash.ts'
import made from './fixtures/foreign-hashes/hashes.json' with { type: 'json' }
import { ADAPTERS, account } from './support/client.ts'
import { callCommand } from './support/command.ts'
import { createFile } from './support/folder.ts'
import { REAL_HASHES, useServer } from './support/server.ts'

const server = useServer(REAL_HASHES)

/** The vector of https://github.com/firebase/scrypt. */
const firebase = {
  program: 'Firebase',
  password: 'user1password',
  hash: firebaseScrypt(
    {
      signerKey: fromBase64(
        'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
      ),
      saltSeparator: fromBase64('Bw=='),
      rounds: 8,
      memoryCost: 14,
    },
    fromBase64('42xEC+ixf3L2lw=='),
    fromBase64('lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=='),
  ),
}

/** The same vector as Supabase stores it for a user who came from Firebase (its internal/crypto/password.go). */
const fromFirebase = {
  program: 'Supabase, from Firebase',
  password: firebase.password,
  hash: [
    '$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==',
    'sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
  ].join(),
}
/** Spring Security 5.8 and later names its version too. */
const spring = made
  .filter(({ hash }) => hash.startsWith('$argon2id$'))
  .slice(0, 1)
  .map((each) => ({ ...each, program: 'Spring', hash: `{argon2@SpringSecurity_v5_8}${each.hash}` }))
const all = [...made, firebase, fromFirebase, ...spring]

test('a hash of Firebase in Supabase whose key has another length is of no known kind', () => {
  expect(spring).toHaveLength(1)
  expect(readHash(toStoredHash('$fbscrypt$v=1,n=14,r=8,p=1,sk=AAAA$AAAA$AAAAAAAA'))).toBeNull()
})

/** One of each program and kind, with its shortest password. */
const kinds = [...made.filter(({ password }) => password.length < 50), firebase]

async function storeHash(hash: string) {
  const { input } = await server.registerUser()
  await server.sql`update users set password = ${toStoredHash(hash)} where email = ${input.email}`
  return input.email
}

const readStored = async (email: string) =>
  (await server.sql`select password from users where email = ${email}`)[0]?.password as string

describe.each(ADAPTERS)('over %s', (adapter) => {
  test('a password hashed by another program signs in, and its hash is ours afterwards', async () => {
    for (const { program, password, hash } of all) {
      const email = await storeHash(hash)
      const login = (attempt: string) => server.client(adapter, 'TOKEN').login({ email, password: attempt })

      const wrong = await login('not the password')
      const first = await login(password)

      expect([program, wrong.code, first.code]).toEqual([program, 'INVALID_CREDENTIALS', undefined])
      expect(await readStored(email)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
      await server.sql`delete from users where email = ${email}`
    }
  })
})

test('Argon2id over the hash of another program signs in like the hash itself', async () => {
  for (const { program, password, hash } of kinds) {
    const wrapped = await readHash(toStoredHash(hash))?.wrap({ m: 8192, t: 1, p: 1 })
    const known = readHash(wrapped ?? '')

    expect([program, await known?.verify(password), await known?.verify(`${password}r`)]).toEqual([
      program,
      true,
      false,
    ])
    expect(wrapped?.length).toBeLessThanOrEqual(255)
    expect(wrapped).not.toContain(toStoredHash(hash).slice(-20))
  }
})

test('a failed sign-in does the same work, whatever kind of hash the account has', () => {
  const hashes = [...kinds.map(({ hash }) => toStoredHash(hash)), 'a'.repeat(32)]
  const listWorks = (hash: string) => readClass(classOf(hash))?.works ?? []
  const all = hashes.flatMap(listWorks)
  const dearest = new Map(findMissingWork(all, []).map(({ group, amount }) => [group, amount]))

  for (const tried of hashes) {
    const done = listWorks(tried)
    const spent = new Map(done.map(({ group, amount }) => [group, amount]))
    for (const { group, amount } of findMissingWork(all, done)) {
      spent.set(group, (spent.get(group) ?? 0) + amount)
    }
    expect([tried, spent]).toEqual([tried, dearest])
  }
  expect(dearest.size).toBeGreaterThan(8)
  const memory = findMissingWork(all, []).map(({ memoryKib }) => memoryKib)
  expect(memory).toEqual(memory.toSorted((one, other) => other - one))
})

test.each(['constructor', 'argon2id-of-constructor'])(
  'a name that objects inherit is no kind of hash: %s',
  (name) => {
    expect(readHash(`$${name}$i=1$${'c'.repeat(22)}$${'d'.repeat(43)}`)).toBeNull()
  },
)

test('PostgreSQL finds the same classes of hashes as the server', async () => {
  const hashes = [...kinds.map(({ hash }) => toStoredHash(hash)), `${'a'.repeat(32)}:${'b'.repeat(128)}`]
  const wrapped = await Promise.all(hashes.map(async (hash) => readHash(hash)?.wrap({ m: 8192, t: 1, p: 1 })))
  const definition = await server.sql`
    select pg_get_expr(indexprs, indrelid) as class from pg_index
    where indexrelid = 'users_password_class_index'::regclass`

  for (const hash of [...hashes, ...wrapped, 'none of these', '$$', '']) {
    const [row] = await server.sql`
      select ${server.sql.unsafe(definition[0]?.class)} as class from (values (${hash ?? ''}::text)) as given (password)`
    expect(row?.class).toBe(classOf(hash ?? ''))
  }
})

test('a hash that is damaged or costs too much looks like a wrong password', async () => {
  for (const hash of [
    'none of these',
    '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$a2V5a2V5a2V5a2V5a2V5a2V5!',
    '$argon2id$v=19$m=19456,t=2,p=1$',
    '$2b$15$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvabcdefghijk',
    '$argon2id$v=19$m=4194304,t=3,p=4$c2FsdHNhbHRzYWx0$a2V5a2V5a2V5a2V5a2V5a2V5',
    '$scrypt$ln=20,r=8,p=1,l=32$c2FsdHNhbHRzYWx0$YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE',
    '$pbkdf2-sha256$i=900000000,l=32$c2FsdHNhbHRzYWx0$YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE',
  ]) {
    const email = await storeHash(hash)

    const login = await server.client().login({ email, password: 'a long enough phrase' })

    expect([hash, login.code]).toEqual([hash, 'INVALID_CREDENTIALS'])
    await server.sql`delete from users where email = ${email}`
  }
})

test("Django's own Argon2 is imported by a command that may take its memory, and signs in", async () => {
  const { email } = account()
  const password = 'pässwörd with spaces 7'
  const hash =
    'argon2$argon2id$v=19$m=102400,t=2,p=8$TVRoeUdsS09PZllDa3pmVmFzNkJLTw$vlmwmxheLQs+vJRhlOpPrLgiN/+8bilvci6XeEUxBW0'
  const users = [{ model: 'auth.user', pk: 1, fields: { email, password: hash } }]
  const file = await createFile('auth_user.json', JSON.stringify(users))
  const env = { ...server.env, ...REAL_HASHES }

  const usual = await callCommand(`import django ${file}`, { env })
  const larger = await callCommand(`import django ${file}`, { env: { ...env, ARGON2_MEMORY_KIB: '25600' } })
  const { data } = await server.client('REST').login({ email, password })

  expect(usual.output).toContain('1 not imported: hash costs too much to check.')
  expect(larger.output).toContain('1 imported.')
  expect(data?.user.email).toBe(email)
})
