import { afterEach, describe, expect, test, vi } from 'vitest'
import { ADAPTERS } from './support/client.ts'
import { useServerWithMail } from './support/server.ts'

const server = useServerWithMail()
afterEach(() => {
  vi.useRealTimers()
})

describe.each(ADAPTERS)('by %s', (adapter) => {
  test.each([10, -10])(
    'a clock that jumps by %i minutes signs no user out and refuses no login',
    async (minutes) => {
      const { client, input } = await server.registerUser(adapter)
      const cookie = server.client(adapter, 'COOKIE')
      await cookie.login(input)
      await client.call('requestPasswordReset', { email: input.email })
      const token = await server.mailbox.token(input.email, /Reset/)

      vi.setSystemTime(Date.now() + minutes * 60_000)
      const answers = [
        await client.me(),
        await cookie.me(),
        await client.refresh(),
        await client.me(),
        await cookie.refresh(),
        await client.changePassword({ currentPassword: input.password, newPassword: 'another long phrase' }),
        await server.client(adapter).login({ ...input, password: 'another long phrase' }),
      ]
      await client.call('requestPasswordReset', { email: input.email })
      const second = await server.mailbox.token(input.email, /Reset/, 2)
      const reset = { token: second, newPassword: 'a third long phrase' }
      // The password change ended the first token, not the clock.
      const dead = await client.call('resetPassword', { ...reset, token })
      const done = await client.call('resetPassword', reset)

      expect(answers.map(({ code }) => code)).toEqual(Array(7).fill(undefined))
      expect(dead.code).toBe('INVALID_TOKEN')
      expect(done.data).toBe(true)
    },
  )
})
