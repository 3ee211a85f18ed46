import { describe, expect, test } from 'vitest'
import { enrollTotp } from './support/authenticator.ts'
import { ADAPTERS, account } from './support/client.ts'
import { BEHIND_PROXY, startServer, startServerWithMail, useServerWithMail } from './support/server.ts'
import { createSoftwarePasskey } from './support/software-passkey.ts'

const [HOME, AWAY, OWNER] = ['10.0.0.1', '10.0.0.2', '10.0.0.3']

describe.each(ADAPTERS)('a stranger registers the address of an owner by %s', (adapter) => {
  const server = useServerWithMail(BEHIND_PROXY)
  const newPassword = 'a phrase of the owner'

  /** A stranger's account at an address of an owner who does not know of it, with factors of every kind. */
  async function squat() {
    const input = account()
    const stranger = server.client(adapter, 'TOKEN', HOME)
    await stranger.register(input)
    // Each new factor ends the link of this mail, which a busy server sends before or after it.
    await server.mailbox.mail(input.email, /Verify/)
    const passkey = createSoftwarePasskey()
    await passkey.addTo(stranger)
    const app = await enrollTotp(stranger)
    return { ...input, stranger, passkey, app }
  }

  type Squat = Awaited<ReturnType<typeof squat>>

  const resetWith = (token: string) =>
    server.client(adapter, 'TOKEN', OWNER).call('resetPassword', { token, newPassword })

  /** Every link with which an owner proves the mailbox for the first time, and gets a password. */
  const LINKS: Record<string, (squat: Squat) => Promise<{ code?: string | undefined }>> = {
    async 'a reset'({ email }) {
      await server.client(adapter).call('requestPasswordReset', { email })
      return resetWith(await server.mailbox.token(email, /Reset/))
    },
    async 'a reset by a link of a verification'({ email }) {
      await server.client(adapter).call('requestEmailVerification', { email })
      return resetWith(await server.mailbox.token(email, /Verify/, 2))
    },
    async 'a report of a sign-in'({ email, passkey }) {
      await passkey.signIn(server.client(adapter, 'TOKEN', AWAY))
      const token = await server.mailbox.token(email, /New sign-in/)
      return server.client(adapter, 'TOKEN', OWNER).call('reportSignIn', { token, newPassword })
    },
    async 'an undone removal of a factor'({ email, stranger }) {
      const factor = (await stranger.factors()).data?.find(({ kind }) => kind === 'TOTP')
      await stranger.removeFactor(factor?.id ?? '')
      const token = await server.mailbox.token(email, /removed/)
      await server.client(adapter, 'TOKEN', OWNER).call('undoFactorChange', { token })
      return resetWith(await server.mailbox.token(email, /Reset/))
    },
  }

  test.each(Object.entries(LINKS))('%s voids the factors of the stranger', async (_, proveMailbox) => {
    const squatted = await squat()
    const { email, password, passkey, stranger } = squatted

    const { code } = await proveMailbox(squatted)
    expect(code).toBeUndefined()

    const taken = await passkey.signIn(server.client(adapter, 'TOKEN', HOME))
    const old = await server.client(adapter, 'TOKEN', HOME).login({ email, password })
    const owner = await server.client(adapter, 'TOKEN', OWNER).login({ email, password: newPassword })
    expect([taken.code, old.code]).toEqual(['INVALID_CREDENTIALS', 'INVALID_CREDENTIALS'])
    expect((await stranger.me()).code).toBe('UNAUTHENTICATED')
    expect(owner.data?.user.emailVerified).toBe(true)
  })
})

test('the factors of an owner whose mailbox was proven before stay when the password is reset', async () => {
  const server = await startServerWithMail(BEHIND_PROXY)
  const { client, ...input } = await server.registerVerifiedUser()
  await enrollTotp(client)
  await server.client().call('requestPasswordReset', { email: input.email })
  const token = await server.mailbox.token(input.email, /Reset/)
  await server.client().call('resetPassword', { token, newPassword: 'another long phrase' })

  const { code } = await server.client().login({ email: input.email, password: 'another long phrase' })

  expect(code).toBe('SECOND_FACTOR_REQUIRED')
})

test('a registration that is activated ends what a stranger set up before verification was required', async () => {
  const before = await startServerWithMail(BEHIND_PROXY)
  const { client: stranger, email } = await before.registerUser()
  // The factor ends the link of this mail, which a busy server sends before or after it.
  await before.mailbox.mail(email, /Verify/)
  await enrollTotp(stranger)
  const passkey = createSoftwarePasskey()
  await passkey.addTo(stranger)
  const after = await startServer({ ...before.env, REQUIRE_EMAIL_VERIFICATION: 'true' })
  const owner = after.client('REST', 'TOKEN', OWNER)
  const password = 'a phrase of the owner'
  await owner.register({ email, password })
  const token = await before.mailbox.token(email, /Verify/, 2)

  const { code } = await owner.call('verifyEmail', { token, password })

  expect(code).toBeUndefined()
  expect((await passkey.signIn(after.client())).code).toBe('INVALID_CREDENTIALS')
  expect((await after.client().call('refresh', { refreshToken: stranger.kept.refreshToken })).code).toBe(
    'UNAUTHENTICATED',
  )
  expect((await owner.login({ email, password })).data?.user.emailVerified).toBe(true)
})
