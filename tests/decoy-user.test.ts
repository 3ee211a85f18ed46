import { afterEach, describe, expect, test, vi } from 'vitest'
import { ADAPTERS, account } from './support/client.ts'
import { useServerWithMail } from './support/server.ts'

const server = useServerWithMail({ REQUIRE_EMAIL_VERIFICATION: 'true' })

afterEach(() => {
  vi.useRealTimers()
})

describe.each(ADAPTERS)('registrations by %s', (adapter) => {
  test.each([10, -10])(
    'a taken address and a new one are answered with the clock of the database, if ours is off by %i minutes',
    async (minutes) => {
      const taken = account()
      await server.client(adapter).register(taken)
      vi.setSystemTime(Date.now() + minutes * 60_000)

      const [forTaken, forNew] = [
        await server.client(adapter).register(taken),
        await server.client(adapter).register(account()),
      ]

      const [clock] = await server.sql`select extract(epoch from now())::float8 as seconds`
      for (const { data } of [forTaken, forNew]) {
        const secondsOff = Date.parse(data?.user.createdAt ?? '') / 1000 - clock?.seconds
        expect(Math.abs(secondsOff)).toBeLessThan(10)
        expect(data?.user.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      }
      expect(Object.keys(forTaken.data?.user ?? {}).sort()).toEqual(
        Object.keys(forNew.data?.user ?? {}).sort(),
      )
    },
  )
})
