import { describe, expect, test } from 'vitest'
import { ADAPTERS, account, type Client } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { clearAway } from './support/housekeeping.ts'
import { useMailbox } from './support/mailbox.ts'
import { freePort } from './support/process.ts'
import { startProgram } from './support/program.ts'
import { scrape } from './support/scrape.ts'
import { BEHIND_PROXY, useServerWithMail } from './support/server.ts'

const server = useServerWithMail({ ...BEHIND_PROXY, REQUIRE_EMAIL_VERIFICATION: 'true' })
const database = useDatabase()
const mailbox = useMailbox()

const [OWNER, STRANGER] = ['192.0.2.10', '198.51.100.1']

describe.each(ADAPTERS)('by %s', (adapter) => {
  const owner = () => server.client(adapter, 'COOKIE', OWNER)
  const stranger = () => server.client(adapter, 'COOKIE', STRANGER)
  const signIn = async (email: string, password: string) => (await stranger().login({ email, password })).code

  async function verifiedAccount() {
    const { email, password } = account()
    await owner().register({ email, password })
    const { token } = await server.mailbox.mail(email, /Verify/)
    await owner().call('verifyEmail', { token, password })
    return { email, password }
  }

  const registerOften = async (email: string) => {
    const passwords = ['the first of a stranger', 'the second of a stranger', 'the third of a stranger']
    for (const password of passwords) await stranger().register({ email, password })
    return passwords
  }

  test('the right password of an owner is told from a wrong one, however often strangers register the address', async () => {
    const { email, password } = account()
    await stranger().register({ email, password: 'the password of a stranger' })
    await owner().register({ email, password })
    await registerOften(email)

    expect((await owner().login({ email, password })).code).toBe('EMAIL_NOT_VERIFIED')
    expect((await owner().login({ email, password: 'a wrong password' })).code).toBe('INVALID_CREDENTIALS')
  })

  test('none of several registrations shows whether the address was taken', async () => {
    const taken = await verifiedAccount()
    const free = account()
    const codes = []
    for (const { email } of [taken, free]) {
      for (const password of await registerOften(email)) codes.push(await signIn(email, password))
    }

    expect(codes).toEqual(Array(6).fill('EMAIL_NOT_VERIFIED'))
  })

  test('a registration that has waited too long does not show whether the address was taken', async () => {
    const taken = await verifiedAccount()
    const free = account()
    for (const { email } of [taken, free]) await registerOften(email)
    await server.sql`update registrations set created_at = created_at - interval '8 days'`

    const answer = async () => [
      await signIn(taken.email, 'the first of a stranger'),
      await signIn(free.email, 'the first of a stranger'),
    ]
    const before = await answer()
    await clearAway(server.env.DATABASE_URL)

    expect([before, await answer()]).toEqual(Array(2).fill(Array(2).fill('INVALID_CREDENTIALS')))
  })

  test.each(['verifyEmail', 'resetPassword'] as const)(
    'a stranger does not see that the owner of the address has called %s',
    async (operation) => {
      const { email, password } = account()
      const [first] = await registerOften(email)
      await owner().register({ email, password: 'an earlier idea' })
      await server.mailbox.mail(email, /Verify/, 4)
      await owner().register({ email, password })
      const { token } = await server.mailbox.mail(email, /Verify/, 5)

      const done = await (operation === 'verifyEmail'
        ? owner().call('verifyEmail', { token, password })
        : owner().call('resetPassword', { token, newPassword: password }))

      expect(done.data).toBe(true)
      expect(await signIn(email, String(first))).toBe('EMAIL_NOT_VERIFIED')
      expect((await owner().login({ email, password: 'an earlier idea' })).code).toBe('INVALID_CREDENTIALS')
      expect((await owner().login({ email, password })).code).toBeUndefined()
    },
  )

  const LEAVE = {
    'deletes the account': (client: Client, password: string) => client.call('deleteMe', { password }),
    'leaves the address': async (client: Client, password: string) => {
      const { email } = account()
      await client.updateMe({ email, currentPassword: password })
      const { token } = await server.mailbox.mail(email, /Confirm/)
      const confirmed = await client.call('verifyEmail', { token })
      await server.sql`update verification set expires_at = now() where purpose = 'EMAIL_CHANGE_UNDO'`
      return confirmed
    },
  }

  test.each(Object.entries(LEAVE))(
    'a stranger does not see that the owner of the address %s',
    async (_, leave) => {
      const { email, password } = await verifiedAccount()
      const [first] = await registerOften(email)
      const signedIn = owner()
      await signedIn.login({ email, password })

      expect((await leave(signedIn, password)).data).toBe(true)

      expect(await signIn(email, String(first))).toBe('EMAIL_NOT_VERIFIED')
      expect(await signIn(email, password)).toBe('INVALID_CREDENTIALS')
    },
  )

  test('an owner who registers the own address again confirms a change of address with the password', async () => {
    const { email, password } = await verifiedAccount()
    await owner().register({ email, password })
    const signedIn = owner()
    await signedIn.login({ email, password })
    const newEmail = account().email
    await signedIn.updateMe({ email: newEmail, currentPassword: password })
    const { token } = await server.mailbox.mail(newEmail, /Confirm/)

    expect((await owner().call('verifyEmail', { token, password })).data).toBe(true)
  })
})

test('a refused sign-in hashes equally often, whether an address is unknown, registered or verified', async () => {
  const METRICS_PORT = String(await freePort())
  const program = await startProgram({
    DATABASE_URL: database.url,
    SMTP_URL: mailbox.url,
    APP_URL: 'https://app.example.com',
    REQUIRE_EMAIL_VERIFICATION: 'true',
    METRICS_PORT,
  })
  const [unknown, registered, verified] = [account(), account(), account()]
  const client = program.client('REST')
  for (const input of [registered, verified]) await client.register(input)
  const token = await mailbox.token(verified.email, /Verify/)
  await client.call('verifyEmail', { token, password: verified.password })
  const countHashes = async () =>
    (await scrape(Number(METRICS_PORT))).sum('servauth_hashing_wait_seconds_count')

  const hashes = []
  for (const [input, password] of [
    [unknown, 'a wrong password'],
    [registered, 'a wrong password'],
    [registered, registered.password],
    [verified, 'a wrong password'],
  ] as const) {
    const before = await countHashes()
    await client.login({ ...input, password })
    hashes.push((await countHashes()) - before)
  }

  expect(hashes).toEqual([2, 2, 2, 2])
})
