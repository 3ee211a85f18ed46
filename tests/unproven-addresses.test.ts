import { describe, expect, test } from 'vitest'
import { ADAPTERS, account, type Client } from './support/client.ts'
import { untilWaiting } from './support/locks.ts'
import { drainOutbox } from './support/outbox.ts'
import { useServerWithMail } from './support/server.ts'
import { insertServiceKey } from './support/service-key.ts'
import { createSoftwarePasskey } from './support/software-passkey.ts'

const open = useServerWithMail()
const verifying = useServerWithMail({ REQUIRE_EMAIL_VERIFICATION: 'true' })

const NEW = 'a phrase of the owner alone'
const OF_STRANGER = 'a phrase of the stranger'
const CONFIRM = /Confirm your new/

const MODES = [
  ['without required verification', open],
  ['with required verification', verifying],
] as const

describe.each(MODES)('%s', (_, server) => {
  describe.each(ADAPTERS)(
    'a stranger registers an address whose mailbox is proven later, by %s:',
    (adapter) => {
      const visitor = () => server.client(adapter, 'TOKEN')

      /** An account with a verified address, signed in. */
      async function owner() {
        const input = account()
        const client = visitor()
        await client.register(input)
        const token = await server.mailbox.token(input.email, /Verify/)
        await client.call('verifyEmail', { token, password: input.password })
        const { data } = await client.login(input)
        return { client, input, id: data?.user.id ?? '' }
      }

      /** The account of a stranger, at an address that it has only claimed. */
      async function claim(email = account().email) {
        const client = visitor()
        await client.register({ email, password: OF_STRANGER, username: 'Mallory', locale: 'en-ZA' })
        const [{ id } = { id: '' }] = await server.sql<
          { id: string }[]
        >`select id from users where email = ${email}`
        return { email, id, client }
      }

      const askFor = async ({ client, input }: Awaited<ReturnType<typeof owner>>, email: string) =>
        (await client.updateMe({ email, currentPassword: input.password })).data?.pendingEmail

      const startChange = async (id: string, email: string) => {
        const { key } = await insertServiceKey(server.sql, ['addresses:write'])
        return visitor().call('startEmailChange', { id, email }, { bearer: key })
      }

      async function expectEnded(claimed: Awaited<ReturnType<typeof claim>>, provenFor: string) {
        const left = await server.sql`select id from users where id = ${claimed.id}`
        const events = await server.sql`select kind, detail from events
        where user_id = ${claimed.id} and kind = 'account_deleted'`
        const signIn = await visitor().login({ email: claimed.email, password: OF_STRANGER })
        expect(left).toEqual([])
        expect(events).toEqual([{ kind: 'account_deleted', detail: `address proven by ${provenFor}` }])
        // The same as before for a registration that waits.
        expect(signIn.code).toBe(server === verifying ? 'EMAIL_NOT_VERIFIED' : 'INVALID_CREDENTIALS')
      }

      test('the owner of the mailbox moves an own account there, and the mail says what ends', async () => {
        const person = await owner()
        const claimed = await claim()

        expect(await askFor(person, claimed.email)).toBe(claimed.email)
        const { text, token } = await server.mailbox.mail(claimed.email, CONFIRM)
        expect(text).toMatch(/Another account has this address/)
        expect((await person.client.call('verifyEmail', { token })).data).toBe(true)

        const { data } = await person.client.me()
        expect(data).toMatchObject({ id: person.id, email: claimed.email, emailVerified: true })
        expect([data?.username, data?.locale]).not.toContainEqual(expect.stringMatching(/Mallory|en-ZA/))
        await expectEnded(claimed, person.id)
      })

      test('a stranger who registers it after the change was asked for stops nothing', async () => {
        const person = await owner()
        const { email } = account()
        await askFor(person, email)
        const { text, token } = await server.mailbox.mail(email, CONFIRM)
        const claimed = await claim(email)

        expect(text).not.toMatch(/Another account/)
        expect((await person.client.call('verifyEmail', { token })).data).toBe(true)

        expect((await person.client.me()).data).toMatchObject({ email, emailVerified: true })
        await expectEnded(claimed, person.id)
      })

      test('an administrator moves an account there, and the reader of the mailbox sets its password', async () => {
        const person = await owner()
        const claimed = await claim()

        expect((await startChange(person.id, claimed.email)).data).toBe(true)
        const token = await server.mailbox.token(claimed.email, CONFIRM)
        const unchanged = await server.sql`select id from users where id = ${claimed.id}`
        expect((await visitor().call('resetPassword', { token, newPassword: NEW })).data).toBe(true)

        const login = await visitor().login({ email: claimed.email, password: NEW })
        expect(unchanged).toHaveLength(1)
        expect(login.data?.user).toMatchObject({ id: person.id, emailVerified: true })
        await expectEnded(claimed, person.id)
      })

      test('the reader of the mailbox who follows the link with the own account confirms nothing', async () => {
        const person = await owner()
        const claimed = await claim()
        await askFor(person, claimed.email)
        const token = await server.mailbox.token(claimed.email, CONFIRM)

        const answers = [
          await claimed.client.call('verifyEmail', { token }),
          await visitor().call('verifyEmail', { token, password: OF_STRANGER }),
          await visitor().call('resetPassword', { token, newPassword: NEW }),
        ]

        expect(answers.map(({ code }) => code)).toEqual([
          'REAUTHENTICATION_REQUIRED',
          'INVALID_CREDENTIALS',
          'INVALID_TOKEN',
        ])
        expect(await server.sql`select id from users where id = ${claimed.id}`).toHaveLength(1)
      })

      test.each(['createUser', 'inviteUser'] as const)(
        '%s replaces a registration that no client could open',
        async (operation) => {
          const claimed = await claim()
          await server.mailbox.mail(claimed.email, /Verify/)
          const { key } = await insertServiceKey(server.sql, ['users:write'])

          const invited = await visitor().call(operation, { email: claimed.email }, { bearer: key })

          // Without required verification, a user may work in the account every day.
          if (server === open) {
            expect(invited.code).toBe('EMAIL_TAKEN')
            expect((await claimed.client.me()).data?.email).toBe(claimed.email)
            return
          }
          expect(invited.data).toMatchObject({ email: claimed.email, username: null, roles: [] })
          const token = await server.mailbox.token(claimed.email, /created for you/)
          expect((await visitor().login({ email: claimed.email, password: OF_STRANGER })).code).toBe(
            'EMAIL_NOT_VERIFIED',
          )
          expect((await visitor().call('acceptInvitation', { token, password: NEW })).data).toBe(true)
          const login = await visitor().login({ email: claimed.email, password: NEW })
          expect(login.data?.user).toMatchObject({ id: invited.data?.id, username: null })
          expect(login.data?.user.id).not.toBe(claimed.id)
          const events =
            await server.sql`select detail from events where user_id = ${claimed.id} and kind = 'account_deleted'`
          expect(events).toEqual([{ detail: 'replaced by an invitation' }])
        },
      )

      const KEPT = {
        'has a role': (id: string) => server.sql`update users set roles = '{support}' where id = ${id}`,
        'has claims': (id: string) =>
          server.sql`update users set claims = '{"plan": "pro"}' where id = ${id}`,
        'is disabled': (id: string) => server.sql`update users set disabled_at = now() where id = ${id}`,
        'was invited': (id: string) =>
          server.sql`update users set password_locked_at = now() where id = ${id}`,
        'is verified': (id: string) => server.sql`update users set email_verified = true where id = ${id}`,
      }

      test.each(Object.entries(KEPT))('an account that %s keeps its address', async (_, change) => {
        const person = await owner()
        const { email } = account()
        await askFor(person, email)
        const token = await server.mailbox.token(email, CONFIRM)
        const claimed = await claim(email)
        await change(claimed.id)

        const confirmed = await person.client.call('verifyEmail', { token })
        const started = await startChange(person.id, email)
        const asked = await askFor(person, email)

        expect([confirmed.code, started.code, asked]).toEqual(['INVALID_TOKEN', 'EMAIL_TAKEN', email])
        expect((await server.mailbox.mail(email, /already have an account/)).token).toBe('')
        expect(await server.sql`select id from users where id = ${claimed.id}`).toHaveLength(1)
      })
    },
  )
})

const OPENED = {
  'has been opened by a user': (id: string) =>
    verifying.sql`insert into places (user_id, place, signed_in_at) values (${id}, '192.0.2.9', now())`,
  'was imported': (id: string) => verifying.sql`update users set password = '$2b$04$x' where id = ${id}`,
  'has a second factor': (id: string) =>
    verifying.sql`update users set second_factor_at = now() where id = ${id}`,
  'has a role': (id: string) => verifying.sql`update users set roles = '{support}' where id = ${id}`,
}

test.each(Object.entries(OPENED))(
  'with required verification, no invitation replaces an account that %s',
  async (_, change) => {
    const input = account()
    await verifying.client('GraphQL').register(input)
    const [{ id } = { id: '' }] = await verifying.sql<{ id: string }[]>`
      select id from users where email = ${input.email}`
    await change(id)
    const { key } = await insertServiceKey(verifying.sql, ['users:write'])
    const bearer = { bearer: key }

    const client = verifying.client('GraphQL')
    const created = await client.call('createUser', { email: input.email }, bearer)
    const invited = await client.call('inviteUser', { email: input.email }, bearer)

    expect([created.code, invited.code]).toEqual(['EMAIL_TAKEN', 'EMAIL_TAKEN'])
    expect(await verifying.sql`select id from users where id = ${id}`).toHaveLength(1)
  },
)

/** The adapters end in the same functions, so these are tried by one. */
describe('without required verification', () => {
  const verifiedUser = () => open.registerVerifiedUser('GraphQL', 'TOKEN')
  const confirm = (client: Client, token: string) => client.call('verifyEmail', { token })

  test('the sessions and passkeys of a stranger end with the account', async () => {
    const stranger = open.client('GraphQL', 'TOKEN')
    const { email } = account()
    await stranger.register({ email, password: OF_STRANGER })
    const passkey = createSoftwarePasskey()
    await passkey.addTo(stranger)
    expect((await stranger.me()).data?.email).toBe(email)
    const person = await verifiedUser()
    await person.client.updateMe({ email, currentPassword: person.password })

    await confirm(person.client, await open.mailbox.token(email, CONFIRM))

    expect((await stranger.me()).reason).toBe('REVOKED')
    expect((await passkey.signIn(open.client('GraphQL', 'TOKEN'))).code).toBe('INVALID_CREDENTIALS')
  })

  test('an account that proves no mailbox takes no address from another', async () => {
    const [first, second] = [await open.registerUser(), await open.registerUser()]
    const change = { email: first.email, currentPassword: second.password }

    expect((await second.client.updateMe(change)).code).toBe('EMAIL_TAKEN')
    expect((await first.client.me()).data?.email).toBe(first.email)
  })

  test('both accounts are locked in the order of their ids, as by a sign-in from one to the other', async () => {
    const { email } = account()
    const lowest = '00000000-0000-4000-8000-000000000001'
    await open.sql`insert into users (id, email, password) values (${lowest}, ${email}, 'x')`
    const person = await verifiedUser()
    await person.client.updateMe({ email, currentPassword: person.password })
    const token = await open.mailbox.token(email, CONFIRM)
    await drainOutbox(open)

    let confirmed: ReturnType<typeof confirm> | undefined
    await open.sql.begin(async (tx) => {
      await tx`select from users where id = ${lowest} for no key update`
      confirmed = confirm(person.client, token)
      await untilWaiting(open.sql, 1)
      const free = await tx`select from users where id = ${person.user.id} for update skip locked`
      expect(free).toHaveLength(1)
    })

    expect((await confirmed)?.data).toBe(true)
  })
})
