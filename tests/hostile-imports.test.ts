import { chmod, link, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { toStoredHash } from '../src/auth/passwords/hashes/notations.ts'
import { readHash } from '../src/auth/passwords/hashes/stored-hash.ts'
import { readCsv } from '../src/cli/import/files/csv.ts'
import { readJson } from '../src/cli/import/files/json.ts'
import { openAuth0 } from '../src/cli/import/sources/auth0.ts'
import { openColumns, parseColumns, readMapping } from '../src/cli/import/sources/columns.ts'
import { openDjango } from '../src/cli/import/sources/django.ts'
import { openFirebase } from '../src/cli/import/sources/firebase.ts'
import { openKeycloak } from '../src/cli/import/sources/keycloak.ts'
import type { ForeignUser, Source } from '../src/cli/import/sources/source.ts'
import { callCommand } from './support/command.ts'
import { createFile } from './support/folder.ts'
import { startServer, useServer } from './support/server.ts'

const server = useServer()
const SECRET = 'perhaps-secret'

const MEBIBYTE = 1024 * 1024
const INVALID_UTF8 = Buffer.from([0x22, 0xc3, 0x28, 0x22])

/** Files that are refused, and why. */
const FILES: [name: string, content: string | Buffer, reason: RegExp][] = [
  ['cut.json', `[{"email":"${SECRET}"},`, /ends in the middle/],
  ['cut-lines.json', `{"email":"a@example.com"}\n{"email":"${SECRET}`, /line 2 is not JSON/],
  ['broken.json', `[{"email":${SECRET}}]`, /is not JSON/],
  ['two.json', `{"users":[]}[${SECRET}]`, /is not JSON/],
  ['none.json', '{"accounts":[]}', /has no users/],
  ['empty.json', '', /ends in the middle/],
  ['texts.json', `["${SECRET}"]`, /record 1 is not an object/],
  ['null.json', '{"users":[{"id":"1"},null]}', /record 2 is not an object/],
  ['arrays.json', `[["${SECRET}","a@example.com"]]`, /record 1 is not an object/],
  ['text-lines.json', `{"email":"a@example.com"}\n"${SECRET}"\n`, /record 2 is not an object/],
  ['deep.json', `[{"a":${'['.repeat(MEBIBYTE)}`, /more than 100 levels/],
  ['deep-lines.json', `{"email":"a@example.com"}\n${'['.repeat(5 * MEBIBYTE)}`, /line 2 has more than/],
  [
    'long.json',
    `[{"email":"${'a'.repeat(17 * MEBIBYTE)}"}]`,
    /after record 0: more than 16777216 characters without a user/,
  ],
  [
    'large.json',
    `{"realm":"shop","users":[{"id":"1"},{"roles":[${'"x",'.repeat(MEBIBYTE + 1)}"x"]}],"clients":[]}`,
    /record 2 has more than 4194304 characters/,
  ],
  [
    'large-array.json',
    `[{"a":[${'[],'.repeat(2 * MEBIBYTE)}1]}]`,
    /record 1 has more than 4194304 characters/,
  ],
  [
    'later.json',
    `{"users":[{"id":"1"}],"clients":["${'a'.repeat(17 * MEBIBYTE)}"]}`,
    /after record 1: more than 16777216 characters/,
  ],
  [
    'long-lines.json',
    `{"email":"a@example.com"}\n{"email":"${'a'.repeat(5 * MEBIBYTE)}`,
    /line 2 has more than 4194304 characters/,
  ],
  ['bytes.json', Buffer.concat([Buffer.from('[{"email":'), INVALID_UTF8, Buffer.from('}]')]), /is not UTF-8/],
  ['bytes.csv', Buffer.concat([Buffer.from('email\n'), INVALID_UTF8]), /is not UTF-8/],
  ['utf16.csv', Buffer.from('\ufeffemail\nada@example.com', 'utf16le'), /is not UTF-8/],
  [
    'long.csv',
    `email,name\na@example.com,"${'a'.repeat(5 * MEBIBYTE)}`,
    /record 1: it has more than 4194304 characters/,
  ],
  ['quote.csv', `email,name\na@example.com,"${SECRET}\nb@example.com,x\n`, /record 1: a quote is not closed/],
  [
    'many.csv',
    `email,name\na@example.com,Lovelace, ${SECRET}\n`,
    /record 1 has 3 fields, and the first line has 2/,
  ],
  ['few.csv', `email,name,hash\na@example.com,Ada,\nb@example.com,${SECRET}`, /record 2 has 2 fields/],
  ['empty.csv', '', /is empty/],
  ['cr.csv', `email,name\ra@example.com,${SECRET}\r`, /has lines that end with CR/],
  ['twice.csv', `id,email,${SECRET}, id\n1,a@example.com,,2\n`, /the columns 1 and 4 have the same name/],
]

// `kc.sh export --file` without a realm writes a list of all realms.
test('a file with several realms of Keycloak is refused, and none of its realms counts as an account', async () => {
  const realm = { realm: 'shop', users: [{ id: '1', username: SECRET, email: 'ada@example.com' }] }
  const path = await createFile('realms.json', JSON.stringify([{ realm: 'master' }, realm]))

  const { code, output } = await callCommand(`import keycloak ${path}`, { env: server.env })

  expect([code, output]).toEqual([1, expect.stringMatching(/record 1: it is a whole realm.*--realm/)])
  expect(output).not.toContain(SECRET)
})

test('a first line of a mebibyte is a record as any other', async () => {
  const records = [
    { email: 'a@example.com', claims: { note: 'a'.repeat(MEBIBYTE) } },
    { email: 'b@example.com' },
  ]
  const path = await createFile('first.ndjson', records.map((record) => JSON.stringify(record)).join('\n'))

  const read: unknown[] = []
  for await (const rows of readJson(path, () => {})) read.push(...rows)

  expect(read).toEqual(records)
})

test.each(FILES)(
  'the file %s is refused, with a reason that repeats nothing of it',
  async (name, content, reason) => {
    const path = await createFile(name, content)
    const read = async () => {
      for await (const _rows of (name.endsWith('.csv') ? readCsv : readJson)(path, () => {}));
    }

    const fault = await read().then(
      () => null,
      (error: Error) => error,
    )

    expect(fault?.name).toBe('CommandError')
    expect(fault?.message).toMatch(reason)
    expect(fault?.message).not.toContain(SECRET)
  },
)

test.each([
  ['csv USERS --map USERS', 'users'],
  ['csv USERS --map ALIAS --dry-run', 'users'],
  ['csv USERS --mapping OTHER --map OTHER', 'other'],
  ['auth0 USERS --hashes OTHER --map OTHER', 'other'],
])('the import "%s" is refused before it writes over a file that it reads', async (words, name) => {
  const users = await createFile('users', 'email,name\nada@example.com,Ada\n')
  const other = join(dirname(users), 'other')
  const alias = join(dirname(users), 'alias')
  await writeFile(other, '{"email":"email"}')
  await link(users, alias)
  const before = await readFile(join(dirname(users), name), 'utf8')
  const given = words.replaceAll('USERS', users).replaceAll('ALIAS', alias).replaceAll('OTHER', other)

  expect(await callCommand(`import ${given}`, { env: server.env })).toMatchObject({
    code: 1,
    output: expect.stringContaining('is read by this command'),
  })
  expect(await readFile(join(dirname(users), name), 'utf8')).toBe(before)
})

test.each(['csv USERS --mapping USERS', 'firebase USERS --hash-config USERS'])(
  'the import "%s" is refused before it reads a large file as one of settings',
  async (words) => {
    const users = await createFile('users', 'x'.repeat(MEBIBYTE + 1))

    expect(
      await callCommand(`import ${words.replaceAll('USERS', users)}`, { env: server.env }),
    ).toMatchObject({
      code: 1,
      output: expect.stringContaining('has more than 1048576 characters'),
    })
  },
)

test('the list of an import is for its owner alone, also if the file was there before', async () => {
  const users = await createFile('users.csv', 'email,name\nowner@example.com,Ada\n')
  const map = await createFile('map.csv', 'former')
  await chmod(map, 0o644)
  await callCommand(`import csv ${users} --dry-run --map ${map}`, { env: server.env })

  expect((await stat(map)).mode & 0o777).toBe(0o600)
  expect(await readFile(map, 'utf8')).toContain('owner@example.com')
})

test('what cannot be read twice, as a pipe or a device, is refused with this reason', async () => {
  expect(await callCommand('import csv /dev/null', { env: server.env })).toMatchObject({
    code: 1,
    output: expect.stringContaining('cannot be read twice'),
  })
})

test('an import whose accounts have a thousand different roles is refused before it begins', async () => {
  const lines = Array.from({ length: 1001 }, (_, n) => `r${n}@example.com,role-${n}`)
  const path = await createFile('roles.csv', ['email,roles', ...lines].join('\n'))

  expect(await callCommand(`import csv ${path} --columns roles=roles`, { env: server.env })).toMatchObject({
    code: 1,
    output: expect.stringContaining('more than 1000 different roles'),
  })
})

test('empty fields after the last column of a CSV file do not matter', async () => {
  const path = await createFile('trailing.csv', '\ufeffemail;name\r\nada@example.com;Ada;;\r\n')
  const rows = []
  for await (const read of readCsv(path, () => {})) rows.push(...read)

  expect(rows).toEqual([{ email: 'ada@example.com', name: 'Ada' }])
})

async function readUsers(source: Promise<Source>) {
  const { users, close } = await source
  const all: ForeignUser[] = []
  for await (const read of users()) all.push(...read)
  await close()
  return all
}

/** Values where a reader expects something else. */
const NONSENSE = [
  null,
  true,
  7,
  '',
  'text',
  '\u0000',
  '{',
  'null',
  '[]',
  [],
  [null, [], 'x'],
  {},
  { x: null },
]

describe('a record with nonsense in every field', () => {
  const records = (fields: string[]) =>
    NONSENSE.flatMap((value) => [
      Object.fromEntries(fields.map((name) => [name, value])),
      Object.fromEntries(fields.map((name) => [name, [value, { secretData: value, credentialData: value }]])),
    ])

  test.each<[string, string[], (file: string) => Promise<Source>]>([
    [
      'Keycloak',
      [
        'id',
        'email',
        'credentials',
        'attributes',
        'clientRoles',
        'realmRoles',
        'groups',
        'federatedIdentities',
      ],
      (file) => openKeycloak([file]),
    ],
    [
      'Firebase',
      ['localId', 'email', 'salt', 'providerUserInfo', 'mfaInfo', 'customAttributes'],
      (file) => openFirebase([file], undefined),
    ],
    [
      'Auth0',
      ['_id', 'email', 'mfa_factors', 'identities', 'app_metadata', 'passwordHash'],
      (file) => openAuth0([file], undefined),
    ],
    ['Django', ['model', 'pk', 'fields', 'groups', 'password'], (file) => openDjango([file])],
  ])('does not end the import of %s', async (_name, fields, open) => {
    const file = await createFile('nonsense.json', JSON.stringify(records(fields)))

    const users = await readUsers(open(file))

    for (const user of users) expect(user.email === '' || typeof user.email === 'string').toBe(true)
  })
})

test.each([
  '0000-00-00',
  '2024-02-30',
  '9999999999999999',
  '275760-09-13',
  'infinity',
  '12024-05-06T07:08:09Z',
])('the time %s is refused with the number of its record', async (time) => {
  const file = await createFile('times.json', JSON.stringify([{ email: 'a@example.com', created_at: time }]))

  await expect(readUsers(openColumns('json', [file], {}))).rejects.toThrow(
    /record 1: created_at must be a time/,
  )
})

test('a file of Django with a name in capitals is CSV too', async () => {
  const file = await createFile('USERS.CSV', 'id,password,email\n1,!,a@example.com\n')

  expect(await readUsers(openDjango([file]))).toMatchObject([{ email: 'a@example.com', password: null }])
})

test('an id that JSON rounds is refused, since it could be that of another account', async () => {
  const idOf = async (id: string) => {
    const file = await createFile('ids.json', `[{"id":${id},"email":"a@example.com"}]`)
    const [user] = await readUsers(openColumns('json', [file], {}))
    return user?.id
  }

  expect(await idOf('9007199254740991')).toBe('9007199254740991')
  expect(await idOf('"9007199254740993"')).toBe('9007199254740993')
  await expect(idOf('9007199254740993')).rejects.toThrow(
    /record 1: id must be a text or a whole number up to 9007199254740991/,
  )
})

test('what an object has inherited is no field of a record', async () => {
  const text = '[{"email":"a@example.com","__proto__":{"verified":true,"totp_secret":"JBSWY3DPEHPK3PXP"}}]'
  const columns = { id: 'constructor.name', username: '__proto__.verified' }
  const file = await createFile('inherited.json', text)
  const plain = await createFile('plain.json', '[{"email":"a@example.com"}]')

  const [user] = await readUsers(openColumns('json', [file], {}))

  expect(user).toMatchObject({ emailVerified: false, totpKeys: [] })
  await expect(readUsers(openColumns('json', [plain], columns))).rejects.toThrow(/has no constructor.name/)
  const mapping = await createFile('mapping.json', '{"email":"mail","__proto__":"x"}')
  await expect(readMapping(mapping)).rejects.toThrow(/must name fields of an account/)
  expect(() => parseColumns('email=mail,__proto__=x')).toThrow(/must name fields of an account/)
})

const bcrypt = '$2b$06$by7zXQHws.rJZ8PRfz7.mOlBiYDcjSNXnz3jtGgGNIJnt0WM46ub.'
const SALT_AND_KEY = `$${'c'.repeat(22)}$${'d'.repeat(43)}`

test('accounts that would harm the server or others are left out, and the rest is imported', async () => {
  const here = await server.registerUser()
  const before = await server.sql`select * from users where id = ${here.user.id}`
  const id = '7d0e4b7e-3c1f-4f8e-9d7a-0000000000ab'
  const accounts: [outcome: string, account: Record<string, unknown>][] = [
    ['address is taken here', { email: here.email.toUpperCase(), hash: bcrypt }],
    ['imported', { email: 'good@example.com', hash: bcrypt, name: 'Ada\u0000' }],
    ['imported', { email: 'surrogate@example.com', hash: bcrypt, name: '\ud800' }],
    ['address is there twice', { email: 'Twice@example.com', hash: bcrypt }],
    ['address is there twice', { email: 'ｔｗｉｃｅ@EXAMPLE.com', hash: bcrypt }],
    ['address is there twice', { email: ' twice@example.com ', hash: bcrypt }],
    ['id is there twice', { email: 'first@example.com', id, hash: bcrypt }],
    ['id is there twice', { email: 'second@example.com', id: id.toUpperCase(), hash: bcrypt }],
    ['address is invalid', { email: 'ada@exаmple.com', hash: bcrypt }],
    ['address is invalid', { email: 'adа@example.com', hash: bcrypt }],
    ['address is invalid', { email: 'ada\u0000@example.com', hash: bcrypt }],
    ['address is invalid', { email: `${'a'.repeat(MEBIBYTE)}@example.com`, hash: bcrypt }],
    ['no address', { email: { $ne: null }, hash: bcrypt }],
    ['no address', { email: ' ', hash: bcrypt }],
    ['unknown kind of hash', { email: 'object@example.com', hash: { value: bcrypt } }],
    ['hash costs too much to check', { email: 'b31@example.com', hash: bcrypt.replace('$06$', '$31$') }],
    [
      'hash costs too much to check',
      { email: 'a2@example.com', hash: `$argon2id$v=19$m=4194304,t=3,p=4${SALT_AND_KEY}` },
    ],
    [
      'hash costs too much to check',
      { email: 'p9@example.com', hash: `$pbkdf2-sha256$i=900000000${SALT_AND_KEY}` },
    ],
    [
      'hash costs too much to check',
      { email: 's30@example.com', hash: `$scrypt$ln=30,r=8,p=1${SALT_AND_KEY}` },
    ],
    ['unknown kind of hash', { email: 'nan@example.com', hash: `$pbkdf2-sha256$i=1e9${SALT_AND_KEY}` }],
    ['unknown kind of hash', { email: 'nul@example.com', hash: `${bcrypt}\u0000` }],
    [
      'unknown kind of hash',
      { email: 'long@example.com', hash: `$scrypt$ln=4,r=8,p=1$${'c'.repeat(MEBIBYTE)}$YWFh` },
    ],
    // Each cost of Argon2 and scrypt makes every failed sign-in dearer.
    ...Array.from({ length: 20 }, (_, n): [string, Record<string, unknown>] => [
      'imported or too many costs of hashes',
      { email: `cost${n}@example.com`, hash: `$scrypt$ln=4,r=8,p=${(n % 16) + 1}${SALT_AND_KEY}` },
    ]),
  ]
  const file = await createFile('hostile.json', JSON.stringify(accounts.map(([, account]) => account)))
  const map = await createFile('map.csv', '')

  const { code, output } = await callCommand(`import json ${file} --map ${map}`, { env: server.env })

  expect([code, output]).toEqual([0, expect.stringMatching(/^\d+ imported\./m)])
  const lines = (await readFile(map, 'utf8')).trim().split('\r\n').slice(1)
  const outcomes = lines.map((line) => /"([^"]*)"$/.exec(line)?.[1] ?? '')
  for (const [index, [outcome, { email }]] of accounts.entries()) {
    expect([String(email).slice(0, 40), outcome]).toEqual([
      String(email).slice(0, 40),
      expect.stringContaining(outcomes[index] ?? 'none'),
    ])
  }
  expect(new Set(outcomes.slice(-20))).toEqual(new Set(['imported', 'too many costs of hashes']))
  expect(await server.sql`select * from users where id = ${here.user.id}`).toEqual(before)
  for (const line of output.split('\n')) expect(line.length).toBeLessThan(400)
})

test('an import and the doctor say what hashes cost that make each failed sign-in slow', async () => {
  const own = await startServer()
  const hashes = [
    `$2b$14$${'a'.repeat(21)}e${'b'.repeat(31)}`,
    `pbkdf2_sha1$2000000$salt$${'c'.repeat(28)}`,
    `pbkdf2_sha256$2000000$salt$${'d'.repeat(44)}`,
    `pbkdf2_sha512$1000000$salt$${'e'.repeat(88)}`,
  ]
  const lines = hashes.map((hash, index) => `dear${index}@example.com,${hash}`)
  const dear = await createFile('dear.csv', ['email,hash', ...lines].join('\n'))
  const cheap = await createFile(
    'cheap.csv',
    `email,hash\ncheap@example.com,pbkdf2_sha256$1000$salt$${'d'.repeat(44)}`,
  )
  const run = async (words: string) => (await callCommand(words, { env: own.env })).output
  const warning = /each failed sign-in takes a core \d+\.\d seconds longer/

  expect(await run(`import csv ${cheap}`)).not.toMatch(warning)
  expect(await run('doctor')).toMatch(/^good {2}passwords/m)
  expect(await run(`import csv ${dear} --dry-run`)).toMatch(warning)
  expect(await run('doctor')).toMatch(/^good {2}passwords/m)
  expect(await run(`import csv ${dear}`)).toMatch(warning)
  expect(await run('doctor')).toMatch(/^note {2}passwords .+seconds longer/m)
})

test('claims that an access token cannot have are left out with their accounts', async () => {
  const deep = JSON.parse(`${'{"a":'.repeat(50)}1${'}'.repeat(50)}`)
  const claims = [deep, 'x'.repeat(5000), 'a\u0000b', 'pro']
  const lines = claims.map((plan, n) =>
    JSON.stringify({ user_id: `auth0|${n}`, email: `claims${n}@example.com`, app_metadata: { plan } }),
  )
  const file = await createFile('claims.ndjson', lines.join('\n'))

  const { output } = await callCommand(`import auth0 ${file} --claims plan`, { env: server.env })
  const reserved = await callCommand(`import auth0 ${file} --claims plan=sub`, { env: server.env })

  expect(output).toMatch(/^1 imported\./m)
  expect(output).toContain('3 not imported: roles or claims are not allowed.')
  expect(reserved).toMatchObject({ code: 1, output: expect.stringContaining('"sub" cannot be a name here') })
})

describe('a password that cannot be checked here', () => {
  const custom = { algorithm: 'bcrypt', hash: { value: bcrypt } }
  const secretData = JSON.stringify({ value: 'c'.repeat(43), salt: 'c'.repeat(22) })
  const credentialData = JSON.stringify({ hashIterations: 5, algorithm: 'pbkdf2-sha256' })

  test.each<[string, Record<string, unknown>, (file: string) => Promise<Source>]>([
    ...[
      { ...custom, salt: { value: 'pepper', encoding: 'utf8', position: 'prefix' } },
      { ...custom, salt: { value: 'cGVwcGVy', encoding: 'base64', position: 'suffix' } },
      { ...custom, password: { encoding: 'utf16le' } },
    ].map((custom_password_hash): [string, Record<string, unknown>, (file: string) => Promise<Source>] => [
      `Auth0 with ${JSON.stringify(custom_password_hash).replace(/^.*?\},/, '')}`,
      { email: 'a@example.com', custom_password_hash },
      (file) => openAuth0([file], undefined),
    ]),
    ...[
      { secretData: 'no JSON', credentialData },
      { secretData, credentialData: 'no JSON' },
      { secretData: '{}', credentialData: '{"algorithm":"bcrypt"}' },
      {},
    ].map((credential): [string, Record<string, unknown>, (file: string) => Promise<Source>] => [
      `Keycloak with ${JSON.stringify(credential).slice(0, 40)}`,
      { id: '1', email: 'a@example.com', credentials: [{ type: 'password', ...credential }] },
      (file) => openKeycloak([file]),
    ]),
    [
      'Django with an object',
      { id: '1', email: 'a@example.com', password: {} },
      (file) => openDjango([file]),
    ],
  ])('is of an unknown kind: %s', async (_name, user, open) => {
    const file = await createFile('users.json', JSON.stringify([user]))
    const [read] = await readUsers(open(file))
    const stored = toStoredHash(read?.password ?? '')

    expect(read?.password).toBeTruthy()
    expect(readHash(stored)).toBeNull()
  })

  test('a hash of the bulk form of Auth0 over the password alone is taken', async () => {
    const plain = { ...custom, salt: { value: '' }, password: { encoding: 'utf8' } }
    const user = { email: 'a@example.com', custom_password_hash: plain }
    const file = await createFile('users.json', JSON.stringify([user]))

    expect(await readUsers(openAuth0([file], undefined))).toMatchObject([{ password: bcrypt }])
  })
})

test('the report counts second factors that are left out, and no former passwords of Keycloak', async () => {
  const secretData = JSON.stringify({ value: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' })
  const app = { subType: 'totp', digits: 6, period: 30, algorithm: 'HmacSHA1', secretEncoding: 'BASE32' }
  const otp = { type: 'otp', secretData, credentialData: JSON.stringify(app) }
  const users = [
    {
      email: 'former@example.com',
      credentials: [{ type: 'password-history' }, { type: 'password-history' }],
    },
    { email: 'former2@example.com', credentials: [{ type: 'password-history' }] },
    { email: 'codes@example.com', credentials: [{ type: 'recovery-authn-codes' }] },
    { email: 'apps@example.com', credentials: Array(6).fill(otp) },
  ]
  const list = users.map((user) => ({ ...user, username: user.email }))
  const file = await createFile('factors.json', JSON.stringify({ realm: 'shop', users: list }))

  const { output } = await callCommand(`import keycloak ${file}`, { env: server.env })

  expect(output).toMatch(/^4 imported\./m)
  expect(output).toMatch(/^2 with a second factor there that is not imported\./m)
})
