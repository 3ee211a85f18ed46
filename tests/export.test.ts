import { getTableColumns, getTableName } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { EXPORT_LEAVES_OUT, EXPORT_SECTIONS } from '../src/auth/account/export.ts'
import { ageProofs, enrollTotp, forgetUsedCodes, registerWithTotp } from './support/authenticator.ts'
import { ADAPTERS, account, WAYS } from './support/client.ts'
import { drainOutbox } from './support/outbox.ts'
import { startServer, useServerWithMail } from './support/server.ts'

const server = useServerWithMail({ EVENT_PULL: 'true' })
const sections = Object.entries(EXPORT_SECTIONS)

test('every table of the database is exported, or left out with a reason', async () => {
  const tables = await server.sql`
    select table_name as name from information_schema.tables where table_schema = 'public' order by 1`
  const exported = sections.map(([, { table }]) => getTableName(table))

  expect(tables.map(({ name }) => name)).toEqual([...exported, ...Object.keys(EXPORT_LEAVES_OUT)].sort())
})

describe.each(WAYS)('an export by $adapter with $transport', ({ adapter, transport }) => {
  test('an export has every column of the rows of the user, and of no other user', async () => {
    const person = await server.registerVerifiedUser(adapter, transport)
    await enrollTotp(person.client)
    const other = await registerWithTotp(server, adapter, transport)
    await server.client(adapter).login({ email: person.email, password: person.password })
    await person.client.updateMe({ email: `new-${person.email}`, currentPassword: person.password })

    const { data } = await person.client.exportMe()

    expect(Object.keys(data ?? {})).toEqual(['exportedAt', ...sections.map(([name]) => name)])
    expect(data?.account).toMatchObject({ id: person.user.id, email: expect.stringContaining(person.email) })
    for (const [name, { table, without }] of sections) {
      const rows = [data?.[name]].flat() as Record<string, unknown>[]
      const columns = Object.keys(getTableColumns(table)).filter((column) => !(column in without))
      if (name === 'registrations') expect(rows).toEqual([])
      else expect([name, Object.keys(rows[0] ?? {})]).toEqual([name, columns])
      if (name !== 'account') expect(JSON.stringify(rows)).not.toContain(other.user.id)
    }
    expect(JSON.stringify(data)).not.toContain(other.email)
    expect(await server.eventsOf(person.user.id)).toContain('account_exported')
  })

  test('an export has no secret, hashed or encrypted', async () => {
    const person = await registerWithTotp(server, adapter, transport)
    const text = JSON.stringify((await person.client.exportMe()).data)
    const secrets = await server.sql`
      select password as value from users union select token from sessions union select lineage::text from sessions
      union select secret from factors union select hash from recovery_codes union select identifier from verification`

    expect(secrets.length).toBeGreaterThan(10)
    expect(secrets.filter(({ value }) => value && text.includes(value))).toEqual([])
  })
})

describe.each(ADAPTERS)('the proof that an export needs by %s', (adapter) => {
  test('an export needs a new proof of the password after five minutes', async () => {
    const { client, password, user } = await server.registerUser(adapter)
    await ageProofs(server, user.id, 6)

    const refused = await client.exportMe()
    await client.stepUp({ password })
    const exported = await client.exportMe()

    expect(refused).toMatchObject({ code: 'REAUTHENTICATION_REQUIRED', acr: 'aal1', methods: ['password'] })
    expect(exported.data?.account).toMatchObject({ id: user.id })
  })

  test('an export of an account with a second factor needs a new proof of the factor', async () => {
    const { authenticator, client, password, user } = await registerWithTotp(server, adapter)
    await ageProofs(server, user.id, 6)
    await forgetUsedCodes(server)

    const refused = await client.exportMe()
    await client.stepUp({ password })
    const stillRefused = await client.exportMe()
    await client.stepUp({ proof: { totp: authenticator.code() } })
    const exported = await client.exportMe()

    for (const { code, acr } of [refused, stillRefused]) {
      expect([code, acr]).toEqual(['REAUTHENTICATION_REQUIRED', 'aal2'])
    }
    expect(exported.data?.account).toMatchObject({ id: user.id })
  })
})

test('mails to an address that is not verified are not exported, because they may be for another person', async () => {
  const { client, email, user } = await server.registerUser()
  await server.client().call('requestPasswordReset', { email })
  const kinds = async () => {
    const mails = (await client.exportMe()).data?.mails as { kind: string }[]
    return mails.map(({ kind }) => kind)
  }

  expect(await kinds()).toEqual(['email-verification'])
  await server.sql`update users set email_verified = true where id = ${user.id}`
  expect(await kinds()).toEqual(['password-reset', 'email-verification'])
})

test('an export does not show whether the address of a requested change is taken', async () => {
  const taken = await server.registerVerifiedUser()
  const shown = []
  for (const newEmail of [taken.email, account().email]) {
    const { client, password } = await server.registerVerifiedUser()
    await client.updateMe({ email: newEmail, currentPassword: password })
    await drainOutbox(server)
    const { mails, mailedLinks } = (await client.exportMe()).data as Record<string, Record<string, string>[]>
    shown.push([mails?.map(({ kind, status }) => [kind, status]), mailedLinks?.map(({ purpose }) => purpose)])
  }

  expect(shown[0]).toEqual(shown[1])
})

test('an account can be exported ten times an hour', async () => {
  const throttled = await startServer({ THROTTLE: 'on' })
  const { client } = await throttled.registerUser()
  const codes = []
  for (let index = 0; index < 11; index++) codes.push((await client.exportMe()).code)

  expect(codes).toEqual([...Array(10).fill(undefined), 'TOO_MANY_REQUESTS'])
})
