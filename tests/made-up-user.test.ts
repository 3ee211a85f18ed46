import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { account, DOORS } from './support/client.ts'
import { startServerWithMail } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServerWithMail>>
beforeAll(async () => {
  server = await startServerWithMail({ REQUIRE_EMAIL_VERIFICATION: 'true' })
})
afterEach(() => {
  vi.useRealTimers()
})

describe.each(DOORS)('by %s', (door) => {
  test.each([10, -10])(
    'a taken address and a new one are answered with the clock of the database, if ours is off by %i minutes',
    async (minutes) => {
      const taken = account()
      await server.client(door, 'TOKEN').register(taken)
      vi.setSystemTime(Date.now() + minutes * 60_000)

      const [forTaken, forNew] = [
        await server.client(door, 'TOKEN').register(taken),
        await server.client(door, 'TOKEN').register(account()),
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
