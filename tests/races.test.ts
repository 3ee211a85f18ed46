import { describe, expect, test } from 'vitest'
import { ADAPTERS, account } from './support/client.ts'
import { BEHIND_PROXY, useServerWithMail } from './support/server.ts'
import { pause } from './support/time.ts'

const server = useServerWithMail(BEHIND_PROXY)

const NEW = 'another long phrase'

describe.each(ADAPTERS)('logins by %s', (adapter) => {
  const stranger = () => server.client(adapter)

  /** Six logins at once, and a change of the account among them. */
  async function race(
    change: (person: {
      email: string
      password: string
      client: ReturnType<typeof stranger>
    }) => Promise<unknown>,
  ) {
    const { client, input } = await server.registerUser(adapter)
    const logins = Array.from({ length: 6 }, () => stranger())
    const [answers] = await Promise.all([
      Promise.all(logins.map((login) => login.login(input))),
      pause(12).then(() => change({ ...input, client })),
    ])
    const alive = await Promise.all(
      logins.map(async (login, index) => answers[index]?.data && (await login.me()).data),
    )
    return { answers, alive: alive.filter(Boolean).length }
  }

  test('logins beside a password change leave no session of the old password', async () => {
    for (let round = 0; round < 4; round++) {
      const { answers, alive } = await race(({ client }) =>
        client.changePassword({ currentPassword: 'correct horse battery', newPassword: NEW }),
      )
      expect(alive).toBe(0)
      for (const { code } of answers) expect([undefined, 'INVALID_CREDENTIALS']).toContain(code)
    }
  })

  test('logins beside a change of address leave no session of the old address', async () => {
    for (let round = 0; round < 4; round++) {
      const { alive } = await race(({ client, password }) =>
        client.updateMe({ email: account().email, currentPassword: password }),
      )
      expect(alive).toBe(0)
    }
  })

  test('logins beside a password reset leave no session of the old password', async () => {
    for (let round = 0; round < 3; round++) {
      const { alive } = await race(async ({ email }) => {
        await stranger().call('requestPasswordReset', { email })
        const token = await server.mailbox.token(email, /Reset/)
        return stranger().call('resetPassword', { token, newPassword: NEW })
      })
      expect(alive).toBe(0)
    }
  })

  test('logins beside a deletion are refused as INVALID_CREDENTIALS, not as INTERNAL', async () => {
    for (let round = 0; round < 4; round++) {
      const { answers, alive } = await race(({ client, password }) => client.deleteMe({ password }))
      expect(alive).toBe(0)
      for (const { code } of answers) expect([undefined, 'INVALID_CREDENTIALS']).toContain(code)
    }
  })
})

describe.each([
  ['a password change', 'changePassword', { currentPassword: 'correct horse battery', newPassword: NEW }],
  ['a deletion', 'deleteMe', undefined],
  ['an end of the other sessions', 'revokeOtherSessions', undefined],
] as const)('refreshes from new networks beside %s', (_, operation, input) => {
  test('refreshes from new networks meet no error and no deadlock', async () => {
    for (let round = 0; round < 8; round++) {
      const { client: owner, input: credentials } = await server.registerUser('REST', 'COOKIE')
      const thief = server.client('REST', 'TOKEN')
      await thief.login(credentials)
      const flood = Array.from({ length: 12 }, async (_, index) => {
        await pause(index * 2)
        const headers = { 'x-forwarded-for': `198.51.${round}.${index}` }
        return thief
          .twin()
          .call('refresh', { refreshToken: thief.kept.refreshToken }, { bearer: null, headers })
      })
      const changed = await owner.call(operation, input)

      expect(changed.code).toBeUndefined()
      for (const { code } of await Promise.all(flood)) expect([undefined, 'UNAUTHENTICATED']).toContain(code)
    }
    const [database] = await server.sql`
      select deadlocks::int from pg_stat_database where datname = current_database()`
    expect(database?.deadlocks).toBe(0)
  })
})

test('a password change ends a pending address change, and so does the current address as input', async () => {
  const { client, input } = await server.registerVerifiedUser()
  const planted = account().email
  await client.updateMe({ email: planted, currentPassword: input.password })
  const token = await server.mailbox.token(planted, /Confirm/)

  await client.changePassword({ currentPassword: input.password, newPassword: NEW })
  const afterwards = (await client.me()).data
  await client.call('requestEmailVerification')
  const confirmed = await client.call('verifyEmail', { token })
  const other = account().email
  const asked = await client.updateMe({ email: other, currentPassword: NEW })
  const takenBack = await client.updateMe({ email: input.email })

  expect(afterwards).toMatchObject({ email: input.email, pendingEmail: null })
  expect(confirmed.code).toBe('INVALID_TOKEN')
  expect(asked.data?.pendingEmail).toBe(other)
  expect(takenBack.data?.pendingEmail).toBeNull()
  expect(server.mailbox.to(planted)).toHaveLength(1)
})
