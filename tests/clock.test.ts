import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { account, DOORS } from './support/client.ts'
import { startServerWithMail } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServerWithMail>>
beforeAll(async () => {
  server = await startServerWithMail()
})
afterEach(() => {
  vi.useRealTimers()
})

describe.each(DOORS)('by %s, a clock', (door) => {
  test.each([10, -10])('that steps by %i minutes signs nobody out and closes no way in', async (minutes) => {
    const input = account()
    const client = server.client(door, 'TOKEN')
    const cookie = server.client(door, 'COOKIE')
    await client.register(input)
    await cookie.login(input)
    await client.call('requestPasswordReset', { email: input.email })
    const { token } = await server.mailbox.mail(input.email, /Reset/)

    vi.setSystemTime(Date.now() + minutes * 60_000)
    const answers = [
      await client.me(),
      await cookie.me(),
      await client.refresh(),
      await client.me(),
      await cookie.refresh(),
      await client.changePassword({ currentPassword: input.password, newPassword: 'another long phrase' }),
      await server.client(door, 'TOKEN').login({ ...input, password: 'another long phrase' }),
    ]
    await client.call('requestPasswordReset', { email: input.email })
    const { token: second } = await server.mailbox.mail(input.email, /Reset/, 2)
    const reset = { token: second, newPassword: 'a third long phrase' }
    // The first one died with the password, not with the time.
    const dead = await client.call('resetPassword', { ...reset, token })
    const done = await client.call('resetPassword', reset)

    expect(answers.map(({ code }) => code)).toEqual(Array(7).fill(undefined))
    expect(dead.code).toBe('INVALID_TOKEN')
    expect(done.data).toBe(true)
  })
})
