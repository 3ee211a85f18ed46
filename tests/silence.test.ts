import { hashPassword } from 'better-auth/crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { account, DOORS } from './support/client.ts'
import { startServerWithMail } from './support/server.ts'

type Server = Awaited<ReturnType<typeof startServerWithMail>>
let server: Server
let strict: Server
beforeAll(async () => {
  server = await startServerWithMail()
  strict = await startServerWithMail({ REQUIRE_EMAIL_VERIFICATION: 'true' })
})

const ROUNDS = 80
const TRIES = 3

/** How often a time of the first kind exceeds one of the second: a half when they are alike, near 0 or 1 when they tell. */
function separation(first: number[], second: number[]) {
  let above = 0
  for (const a of first) for (const b of second) above += a > b ? 1 : a === b ? 0.5 : 0
  return above / (first.length * second.length)
}

async function timed(act: () => Promise<unknown>) {
  const began = performance.now()
  await act()
  return performance.now() - began
}

/**
 * Whether the time tells two kinds of request apart. They take turns, so that whatever else the
 * machine does falls on both; a difference that is real is there in every try, noise is not.
 */
async function tellsApart(known: () => Promise<unknown>, unknown: () => Promise<unknown>, rounds = ROUNDS) {
  const seen = []
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const times: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      const first = round % 2
      const acts = [known, unknown] as const
      times[first as 0 | 1].push(await timed(acts[first as 0 | 1]))
      times[(1 - first) as 0 | 1].push(await timed(acts[(1 - first) as 0 | 1]))
    }
    const found = separation(...times)
    seen.push(found)
    if (Math.abs(found - 0.5) < 0.2) return false
  }
  return seen
}

describe.each(DOORS)('the time of an answer by %s does not tell who has an account', (door) => {
  const stranger = (from = server) => from.client(door, 'TOKEN')

  test('at login', async () => {
    const input = account()
    await stranger().register(input)
    const login = (email: string) => stranger().login({ email, password: 'not the password' })

    expect(
      await tellsApart(
        () => login(input.email),
        () => login(account().email),
      ),
    ).toBe(false)
  })

  test('at login to a disabled account, with its password', async () => {
    const input = account()
    await stranger().register(input)
    await server.sql`update users set disabled_at = now() where email = ${input.email}`
    const login = (email: string) => stranger().login({ email, password: input.password })

    expect(
      await tellsApart(
        () => login(input.email),
        () => login(account().email),
      ),
    ).toBe(false)
  })

  test('at a request for a reset or a verification', async () => {
    const input = account()
    await stranger().register(input)
    for (const operation of ['requestPasswordReset', 'requestEmailVerification'] as const) {
      const ask = (email: string) => stranger().call(operation, { email })

      expect(
        await tellsApart(
          () => ask(input.email),
          () => ask(account().email),
        ),
      ).toBe(false)
    }
  })

  test('at registration, where addresses must be verified', async () => {
    const input = account()
    await stranger(strict).register(input)
    const register = (email: string) => stranger(strict).register({ email, password: input.password })

    expect(
      await tellsApart(
        () => register(input.email),
        () => register(account().email),
      ),
    ).toBe(false)
  })
})

test('a database that is far away does not tell at registration either', async () => {
  const far = await startServerWithMail({ REQUIRE_EMAIL_VERIFICATION: 'true' })
  const input = account()
  const register = async (email: string) =>
    far.client('REST', 'TOKEN').register({ email, password: input.password })
  // What is prepared once on a connection does not count.
  for (let round = 0; round < 20; round++)
    await Promise.all([input, account()].map(({ email }) => register(email)))
  far.proxy.slow(20)
  const told = await tellsApart(
    () => register(input.email),
    () => register(account().email),
    12,
  )
  far.proxy.restore()

  expect(told).toBe(false)
}, 120_000)

test('while an account has its imported hash, the time of a login tells neither it nor the others', async () => {
  const stranger = () => server.client('REST', 'TOKEN')
  const [imported, own] = [account(), account()]
  for (const each of [imported, own]) await stranger().register(each)
  const scrypt = await hashPassword(imported.password)
  await server.sql`update users set password = ${scrypt} where email = ${imported.email}`
  const login = (email: string) => stranger().login({ email, password: 'not the password' })

  for (const other of [() => own.email, () => account().email]) {
    const told = await tellsApart(
      () => login(imported.email),
      () => login(other()),
      20,
    )
    expect(told).toBe(false)
  }
  await server.sql`delete from users where email = ${imported.email}`
}, 120_000)

test('the measure tells what does tell', async () => {
  const input = account()
  await server.client('REST', 'TOKEN').register(input)
  const login = () =>
    server.client('REST', 'TOKEN').login({ email: input.email, password: 'not the password' })
  const refused = () =>
    server.client('REST', 'TOKEN').login({ email: 'nobody', password: 'not the password' })

  expect(await tellsApart(login, refused)).not.toBe(false)
})
