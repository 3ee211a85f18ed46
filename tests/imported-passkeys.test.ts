import { hash, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasBrowser } from './support/browser.ts'
import { ADAPTERS } from './support/client.ts'
import { callCommand } from './support/command.ts'
import { createDatabase } from './support/database.ts'
import { createFile, createFolder } from './support/folder.ts'
import { foreignOptions, readCreated, usePasskeyBrowser } from './support/passkeys.ts'
import { ORIGIN, REAL_HASHES, useServer } from './support/server.ts'
import { createSoftwarePasskey } from './support/software-passkey.ts'

const server = useServer(REAL_HASHES)
const DOMAIN = new URL(ORIGIN).hostname
const PASSWORD = 'correct horse battery'
/** bcrypt of the password. */
const HASH = '$2a$06$FymThwRPu5PZ1j2ki88REOdtjrODxTURM3rqlNIhNlS71b01aKhay'
/** User present; and verified. */
const [PRESENT, SYNCED] = [0x01, 0x1d]

type Created = ReturnType<typeof readCreated>
type Key = ReturnType<typeof createSoftwarePasskey>

const DEMANDS = {
  webAuthnPolicyPasswordlessRpId: DOMAIN,
  webAuthnPolicyPasswordlessUserVerificationRequirement: 'required',
  webAuthnPolicyPasswordlessRequireResidentKey: 'Yes',
}

/** A user of `kc.sh export`, with the credentials as WebAuthnCredentialProvider of Keycloak writes them. */
function toKeycloakUser(id: string, passkeys: Created[], type = 'webauthn-passwordless') {
  const email = `${hash('sha1', id)}@keycloak.example`
  const credentials = passkeys.map(({ id, publicKey, counter }) => ({
    id: randomUUID(),
    type,
    userLabel: 'Work laptop',
    createdDate: 1714979289000,
    secretData: '{}',
    credentialData: JSON.stringify({
      aaguid: '00000000-0000-0000-0000-000000000000',
      credentialId: id.toString('base64'),
      counter,
      credentialPublicKey: publicKey.toString('base64url'),
      attestationStatementFormat: 'none',
      transports: ['internal'],
    }),
  }))
  const password = {
    type: 'password',
    secretData: JSON.stringify({ value: HASH }),
    credentialData: '{"algorithm":"bcrypt"}',
  }
  return {
    id,
    createdTimestamp: 1714979289000,
    username: id,
    email,
    emailVerified: true,
    credentials: [password, ...credentials],
  }
}

async function importKeycloak(users: object[], policy: object = DEMANDS, options = '') {
  const folder = await createFolder()
  const [realm, list] = [join(folder, 'shop-realm.json'), join(folder, 'shop-users-0.json')]
  await writeFile(
    realm,
    JSON.stringify({ id: 'shop', realm: 'shop', ...policy, clients: [{ clientId: 'account' }] }),
  )
  await writeFile(list, JSON.stringify({ realm: 'shop', users }))
  return callCommand(`import keycloak ${list} ${realm} ${options}`, { env: server.env })
}

/** A passkey that the software authenticator has created at the other system. */
function createForeign(userId: string) {
  const key = createSoftwarePasskey()
  return { key, created: readCreated(key.create(foreignOptions(userId))) }
}

async function importOne(policy?: object, type?: string, options?: string) {
  const id = randomUUID()
  const { key, created } = createForeign(id)
  const { output } = await importKeycloak([toKeycloakUser(id, [created], type)], policy, options)
  return { id, key, output, email: `${hash('sha1', id)}@keycloak.example` }
}

const visit = () => server.client('GraphQL', 'TOKEN')

/** A sign-in with the passkey alone. */
async function sign(key: Key, ...[count, forgery]: [number?, Parameters<Key['get']>[2]?]) {
  const { data } = await visit().call('beginPasskeyLogin')
  if (!data) throw new Error('The sign-in was not begun')
  return visit().call('loginWithPasskey', {
    ceremony: data.id,
    response: key.get(data.options, count, forgery),
    transport: 'TOKEN',
  })
}

/** A sign-in with the password and then the passkey. */
async function signWithPassword(email: string, key: Key, client = visit()) {
  const { challenge } = await client.login({ email, password: PASSWORD })
  return client.completeLogin(challenge?.id, { passkey: await prove(key) })
}

async function prove(key: Key) {
  const { data } = await visit().call('beginPasskeyLogin')
  return { ceremony: data?.id ?? '', response: key.get(data?.options ?? {}) }
}

const base64url = (text: string) => Buffer.from(text).toString('base64url')

describe.each(ADAPTERS)('a passkey of Keycloak by %s', (adapter) => {
  test('signs in alone, is a second factor, gets a name, and is removed together with its handle', async () => {
    const { id, key, email, output } = await importOne()
    const client = server.client(adapter, 'TOKEN')
    const begun = await client.call('beginPasskeyLogin')
    const response = key.get(begun.data?.options ?? {})
    const signedIn = await client.call('loginWithPasskey', {
      ceremony: begun.data?.id ?? '',
      response,
      transport: 'TOKEN',
    })
    const listed = await client.call('passkeys')
    const passkeyId = listed.data?.[0]?.id ?? ''
    const login = await server.client(adapter).login({ email, password: PASSWORD })
    const options = (await client.call('beginPasskey')).data?.options
    const own = createSoftwarePasskey()
    await own.addTo(client)
    const both = await client.call('passkeySignals')
    const renamed = await client.call('renamePasskey', { id: passkeyId, name: 'Old laptop' })
    const removed = await client.call('removePasskey', { id: passkeyId })
    const after = await client.call('passkeySignals')

    expect(output).toMatch(/^1 imported\.[\s\S]*1 with passkeys, which sign in here too/m)
    expect(signedIn.data).toMatchObject({ user: { id }, session: { acr: 'aal2' } })
    expect(listed.data).toMatchObject([
      { name: 'Work laptop', isSynced: false, createdAt: '2024-05-06T07:08:09.000Z' },
    ])
    expect([login.code, login.challenge?.methods]).toEqual(['SECOND_FACTOR_REQUIRED', ['passkey']])
    expect(options).toMatchObject({ excludeCredentials: [{ id: key.id }] })
    expect(both.data).toMatchObject({
      allAcceptedCredentialIds: [own.id],
      imported: [{ userId: base64url(id), allAcceptedCredentialIds: [key.id] }],
    })
    expect([renamed.data?.name, removed.data]).toEqual(['Old laptop', true])
    expect(after.data).toMatchObject({
      allAcceptedCredentialIds: [own.id],
      imported: [{ userId: base64url(id), allAcceptedCredentialIds: [] }],
    })
    expect((await sign(key)).code).toBe('INVALID_CREDENTIALS')
    expect((await sign(own)).data?.user.id).toBe(id)
  })
})

test('an imported passkey counts only with the handle that it was created with, and only if its user was verified', async () => {
  const { id, key, email } = await importOne()
  const other = await importOne()
  const signedIn = await sign(key)
  const { accessToken } = signedIn.data ?? {}
  const added = await visit().call('beginPasskey', undefined, { bearer: accessToken ?? '' })
  const { user } = (added.data?.options ?? {}) as { user?: { id: string } }
  const handles = {
    'the handle here': user?.id,
    'of another user': base64url(other.id),
    none: undefined,
    empty: '',
  }

  for (const [name, userHandle] of Object.entries(handles)) {
    const { code } = await sign(key, undefined, { response: { userHandle } })
    expect([name, code]).toEqual([name, 'INVALID_CREDENTIALS'])
  }
  expect((await sign(key, undefined, { flags: PRESENT })).code).toBe('INVALID_CREDENTIALS')
  expect((await sign(key, undefined, { rpId: 'keycloak.example' })).code).toBe('INVALID_CREDENTIALS')
  const foreign = { top: { id: key.id, rawId: key.id }, response: { userHandle: base64url(id) } }
  expect((await sign(other.key, undefined, foreign)).code).toBe('INVALID_CREDENTIALS')
  expect((await sign(key)).data?.user.id).toBe(id)
  expect((await signWithPassword(email, other.key)).code).toBe('INVALID_CREDENTIALS')
  expect((await signWithPassword(email, key)).data?.user.id).toBe(id)
})

test('whether an imported passkey is synced is what it says at its first use, and its counter counts', async () => {
  const synced = await importOne()
  const bound = await importOne()

  expect((await sign(synced.key, 0, { flags: SYNCED })).data?.session.amr).toContain('swk')
  expect((await sign(synced.key, 5)).code).toBe('INVALID_CREDENTIALS')
  expect((await sign(synced.key, 0, { flags: SYNCED })).data?.user.id).toBe(synced.id)
  expect((await sign(bound.key, 7)).data?.session.amr).toContain('hwk')
  expect((await sign(bound.key, 7)).code).toBe('INVALID_CREDENTIALS')
  expect((await sign(bound.key, 8, { flags: SYNCED })).code).toBe('INVALID_CREDENTIALS')
  expect((await sign(bound.key, 8)).data?.user.id).toBe(bound.id)
})

test('a passkey whose user was perhaps never verified needs the password beside it once', async () => {
  const preferred = { ...DEMANDS, webAuthnPolicyPasswordlessUserVerificationRequirement: 'preferred' }
  const { id, key, email, output } = await importOne(preferred)
  const alone = await sign(key)
  const client = visit()
  const together = await signWithPassword(email, key, client)

  expect(output).toContain('1 of them with a passkey that needs the password beside it once')
  expect(alone.code).toBe('INVALID_CREDENTIALS')
  expect(together.data?.user.id).toBe(id)
  expect((await sign(key)).data?.user.id).toBe(id)
  await server.sql`update factors set needs_password = true where user_id = ${id}`
  const withoutPassword = await client.stepUp({ proof: { passkey: await prove(key) } })
  const withPassword = await client.stepUp({ password: PASSWORD, proof: { passkey: await prove(key) } })
  expect([withoutPassword.code, withPassword.code]).toEqual(['INVALID_CREDENTIALS', undefined])
})

test('passkeys that would not sign in here are left out, and the report says why', async () => {
  const id = randomUUID()
  const { created } = createForeign(id)
  const broken = { ...created, publicKey: created.publicKey.subarray(0, 40) }
  const weak = {
    ...created,
    publicKey: Buffer.from(created.publicKey.toString('hex').replace('0326', '033822'), 'hex'),
  }
  const twins = [randomUUID(), randomUUID()].map((id) => toKeycloakUser(id, [created]))
  const one = (passkey: Created, type?: string) => [toKeycloakUser(randomUUID(), [passkey], type)]
  const { webAuthnPolicyPasswordlessRpId: _domain, ...homeless } = DEMANDS
  const cases: [users: object[], policy: object, options: string, reason: string][] = [
    [
      one(created),
      { ...DEMANDS, webAuthnPolicyPasswordlessRpId: 'shop.example' },
      '',
      'another domain than PASSKEY_RP_ID',
    ],
    [one(created), homeless, '', 'the domain is not known'],
    [one(created), homeless, '--passkeys shop.example', 'another domain than PASSKEY_RP_ID'],
    [one(created), DEMANDS, '--passkeys none', 'left out by --passkeys none'],
    [
      one(created),
      { ...DEMANDS, webAuthnPolicyPasswordlessResidentKey: 'preferred' },
      '',
      'perhaps not discoverable',
    ],
    [
      one(created),
      { ...DEMANDS, webAuthnPolicyPasswordlessRequireResidentKey: 'not specified' },
      '',
      'perhaps not discoverable',
    ],
    [one(created, 'webauthn'), DEMANDS, `--passkeys ${DOMAIN}`, 'perhaps not discoverable'],
    [one(broken), DEMANDS, '', 'a key that this server cannot use'],
    [one(weak), DEMANDS, '', 'a key that this server cannot use'],
    [one({ ...created, id: Buffer.alloc(1024) }), DEMANDS, '', 'a key that this server cannot use'],
    [[toKeycloakUser(`f:${'a'.repeat(64)}`, [created])], DEMANDS, '', 'a key that this server cannot use'],
    [twins, DEMANDS, '', 'the id is that of another passkey here'],
  ]
  for (const [users, policy, options, reason] of cases) {
    const { code, output } = await importKeycloak(users, policy, options)
    expect([reason, code, output]).toEqual([
      reason,
      0,
      expect.stringContaining(`1 passkeys not imported: ${reason}`),
    ])
  }
  expect(
    await server.sql`select from factors where credential_id = ${created.id.toString('base64url')}`,
  ).toHaveLength(1)
  const dry = await importKeycloak(one(createForeign(id).created), homeless, '--dry-run')
  expect(dry.output).toContain('1 passkeys not imported: the domain is not known')
})

test('the file of a realm alone is refused, because it has no users', async () => {
  const realm = await createFile('shop-realm.json', JSON.stringify({ realm: 'shop', ...DEMANDS }))

  expect(await callCommand(`import keycloak ${realm}`, { env: server.env })).toMatchObject({
    code: 1,
    output: expect.stringContaining('There are no users in these files'),
  })
})

test('a passkey of Supabase needs the password beside it once, and then signs in alone', async () => {
  const source = await createDatabase()
  const id = randomUUID()
  const { key, created } = createForeign(id)
  const email = `${id}@supabase.example`
  await source.sql.unsafe(`create schema auth;
    create table auth.users (id uuid primary key, email text, encrypted_password text, email_confirmed_at timestamptz);
    create table auth.webauthn_credentials (
      id uuid not null default gen_random_uuid(), user_id uuid not null references auth.users (id),
      credential_id bytea not null, public_key bytea not null, attestation_type text not null default '', aaguid uuid,
      sign_count bigint not null default 0, transports jsonb not null default '[]'::jsonb,
      backup_eligible boolean not null default false, backed_up boolean not null default false,
      friendly_name text not null default '', created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(), last_used_at timestamptz)`)
  await source.sql`insert into auth.users values (${id}, ${email}, ${HASH}, now())`
  await source.sql`insert into auth.webauthn_credentials (user_id, credential_id, public_key, friendly_name)
    values (${id}, ${created.id}, ${created.publicKey}, 'iCloud Keychain')`
  const env = { ...server.env, IMPORT_URL: source.url }
  await source.sql`alter table auth.users add raw_app_meta_data jsonb`
  await source.sql`update auth.users set raw_app_meta_data = jsonb_build_object('note', repeat('x', 300000))`
  const large = await callCommand('import supabase --dry-run', { env })
  await source.sql`update auth.users set raw_app_meta_data = null`
  const unnamed = await callCommand('import supabase --dry-run', { env })
  const { output } = await callCommand(`import supabase --passkeys ${DOMAIN}`, { env })
  await source.drop()

  expect(large).toMatchObject({
    code: 0,
    output: expect.stringContaining(`1 not imported: account is too large.\n  ${email} (${id})`),
  })
  expect(unnamed.output).toContain(
    '1 passkeys not imported: the domain is not known, and --passkeys does not name it',
  )
  expect(output).toContain('1 of them with a passkey that needs the password beside it once')
  expect((await sign(key)).code).toBe('INVALID_CREDENTIALS')
  expect((await signWithPassword(email, key)).data?.user.id).toBe(id)
  expect((await sign(key)).data?.user.id).toBe(id)
  expect((await sign(key, 99, { flags: SYNCED })).code).toBe('INVALID_CREDENTIALS')
})

describe.skipIf(!hasBrowser)('in Chromium', () => {
  const createDevice = usePasskeyBrowser()

  test('a passkey that was created for Keycloak signs in after the import', async () => {
    const id = randomUUID()
    const device = await createDevice({ isSynced: true })
    const created = readCreated(await device.create(foreignOptions(id)))
    await importKeycloak([toKeycloakUser(id, [created])])
    const visitor = visit()

    const signedIn = await visitor.call('loginWithPasskey', {
      ...(await device.prove(visitor)),
      transport: 'TOKEN',
    })

    expect(signedIn.data).toMatchObject({
      user: { id },
      session: { acr: 'aal2', amr: ['swk', 'user', 'mfa'] },
    })
    expect((await visitor.call('passkeys')).data).toMatchObject([{ isSynced: true }])
  })
})
