import { hashPassword } from 'better-auth/crypto'
import { describe, expect, test } from 'vitest'
import { registerWithTotp } from './support/authenticator.ts'
import { ADAPTERS, account } from './support/client.ts'
import { REAL_HASHES, startServerWithMail, useServerWithMail } from './support/server.ts'

const server = useServerWithMail(REAL_HASHES)
const strict = useServerWithMail({ ...REAL_HASHES, REQUIRE_EMAIL_VERIFICATION: 'true' })

/** How many pairs of times are compared. More find smaller differences: 40 find one in which 7 of 10 pairs differ. */
const ROUNDS = Number(process.env.TIMING_ROUNDS ?? 40)
const TRIES = 3

/** The share of pairs in which the first time is longer: 0.5 when both kinds are alike, near 0 or 1 when they differ. */
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
 * Whether the times of two kinds of request differ. The kinds take turns, so that other load of the machine
 * falls on both. A real difference shows in every try, noise does not.
 */
async function timesDiffer(known: () => Promise<unknown>, unknown: () => Promise<unknown>, rounds = ROUNDS) {
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

/** Whether the time of a request reveals that the account with this address exists. */
const revealsAccount = (
  { email }: { email: string },
  request: (email: string) => Promise<unknown>,
  rounds?: number,
) =>
  timesDiffer(
    () => request(email),
    () => request(account().email),
    rounds,
  )

describe.each(ADAPTERS)('the time of an answer by %s', (adapter) => {
  const stranger = () => server.client(adapter)

  test('the time of a login does not reveal whether the account exists', async () => {
    const { input } = await server.registerUser(adapter)
    const login = (email: string) => stranger().login({ email, password: 'not the password' })

    expect(await revealsAccount(input, login)).toBe(false)
  })

  test('the time of a login with the right password does not reveal a disabled account', async () => {
    const { input } = await server.registerUser(adapter)
    await server.sql`update users set disabled_at = now() where email = ${input.email}`
    const login = (email: string) => stranger().login({ email, password: input.password })

    expect(await revealsAccount(input, login)).toBe(false)
  })

  test('the time of a login with a wrong password does not reveal a second factor', async () => {
    const { input: known } = await registerWithTotp(server, adapter)
    const { input: other } = await server.registerUser(adapter)
    const login = (email: string) => stranger().login({ email, password: 'not the password' })

    const differ = await timesDiffer(
      () => login(known.email),
      () => login(other.email),
      20,
    )

    expect(differ).toBe(false)
  })

  test('the time of a reset or verification request does not reveal an account', async () => {
    const { input } = await server.registerUser(adapter)
    for (const operation of ['requestPasswordReset', 'requestEmailVerification'] as const) {
      const ask = (email: string) => stranger().call(operation, { email })

      expect(await revealsAccount(input, ask)).toBe(false)
    }
  })

  test('the time of a registration that needs verification does not reveal an account', async () => {
    const { input } = await strict.registerUser(adapter)
    const register = (email: string) => strict.client(adapter).register({ email, password: input.password })

    expect(await revealsAccount(input, register)).toBe(false)
  })
})

test('a slow database does not make the time of a registration reveal an account', async () => {
  const settings = { ...REAL_HASHES, REQUIRE_EMAIL_VERIFICATION: 'true' }
  const far = await startServerWithMail(settings, { hasProxy: true })
  const input = account()
  const register = async (email: string) => far.client().register({ email, password: input.password })
  // Each connection prepares its statements first; that time does not count.
  for (let round = 0; round < 20; round++)
    await Promise.all([input, account()].map(({ email }) => register(email)))
  far.proxy.slow(20)
  const revealed = await revealsAccount(input, register, 12)
  far.proxy.restore()

  expect(revealed).toBe(false)
})

test('the time of a login does not reveal an account with an imported hash, nor others', async () => {
  const { input: imported } = await server.registerUser()
  const { input: own } = await server.registerUser()
  const scrypt = await hashPassword(imported.password)
  await server.sql`update users set password = ${scrypt} where email = ${imported.email}`
  const login = (email: string) => server.client().login({ email, password: 'not the password' })

  for (const other of [() => own.email, () => account().email]) {
    const differ = await timesDiffer(
      () => login(imported.email),
      () => login(other()),
      20,
    )
    expect(differ).toBe(false)
  }
  await server.sql`delete from users where email = ${imported.email}`
})

test('the measurement of times finds a real difference', async () => {
  const { email } = await server.registerUser()
  const login = () => server.client().login({ email, password: 'not the password' })
  const refused = () => server.client().login({ email: 'nobody', password: 'not the password' })

  expect(await timesDiffer(login, refused)).not.toBe(false)
})
