import { beforeAll, describe, expect, test } from 'vitest'
import { account, DOORS } from './support/client.ts'
import { startServerWithMail } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServerWithMail>>
beforeAll(async () => {
  server = await startServerWithMail()
})

const NEW = 'another long phrase'

describe.each(DOORS)('by %s, logins beside', (door) => {
  const stranger = () => server.client(door, 'TOKEN')

  /** Six logins with what is about to change, and the change among them. */
  async function race(
    change: (person: { email: string; client: ReturnType<typeof stranger> }) => Promise<unknown>,
  ) {
    const input = account()
    const client = stranger()
    await client.register(input)
    const logins = Array.from({ length: 6 }, () => stranger())
    const [answers] = await Promise.all([
      Promise.all(logins.map((login) => login.login(input))),
      new Promise((done) => setTimeout(done, 12)).then(() => change({ ...input, client })),
    ])
    const alive = await Promise.all(
      logins.map(async (login, index) => answers[index]?.data && (await login.me()).data),
    )
    return { answers, alive: alive.filter(Boolean).length }
  }

  test('a password change leave no session of the old password', async () => {
    for (let round = 0; round < 4; round++) {
      const { answers, alive } = await race(({ client }) =>
        client.changePassword({ currentPassword: 'correct horse battery', newPassword: NEW }),
      )
      expect(alive).toBe(0)
      for (const { code } of answers) expect([undefined, 'INVALID_CREDENTIALS']).toContain(code)
    }
  })

  test('a change of address leave no session of the old address', async () => {
    for (let round = 0; round < 4; round++) {
      const { alive } = await race(({ client }) => client.updateMe({ email: account().email }))
      expect(alive).toBe(0)
    }
  })

  test('a reset leave none either', async () => {
    for (let round = 0; round < 3; round++) {
      const { alive } = await race(async ({ email }) => {
        await stranger().call('requestPasswordReset', { email })
        const { token } = await server.mailbox.mail(email, /Reset/)
        return stranger().call('resetPassword', { token, newPassword: NEW })
      })
      expect(alive).toBe(0)
    }
  })

  test('a deletion are refused as wrong, not as a fault of ours', async () => {
    for (let round = 0; round < 4; round++) {
      const { answers, alive } = await race(({ client }) => client.deleteMe())
      expect(alive).toBe(0)
      for (const { code } of answers) expect([undefined, 'INVALID_CREDENTIALS']).toContain(code)
    }
  })
})

test('a change of address that waits dies with the password that allowed it, and one’s own address takes it back', async () => {
  const client = server.client('REST', 'TOKEN')
  const input = account()
  await client.register(input)
  await client.call('verifyEmail', { token: (await server.mailbox.mail(input.email, /Verify/)).token })
  const planted = account().email
  await client.updateMe({ email: planted })
  const { token } = await server.mailbox.mail(planted, /Confirm/)

  await client.changePassword({ currentPassword: input.password, newPassword: NEW })
  const afterwards = (await client.me()).data
  await client.call('requestEmailVerification')
  const confirmed = await client.call('verifyEmail', { token })
  const other = account().email
  const asked = await client.updateMe({ email: other })
  const takenBack = await client.updateMe({ email: input.email })

  expect(afterwards).toMatchObject({ email: input.email, pendingEmail: null })
  expect(confirmed.code).toBe('INVALID_TOKEN')
  expect(asked.data?.pendingEmail).toBe(other)
  expect(takenBack.data?.pendingEmail).toBeNull()
  expect(server.mailbox.received.filter(({ to }) => to === planted)).toHaveLength(1)
})
