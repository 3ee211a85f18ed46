import { describe, expect, test } from 'vitest'
import { account, type Client, DOORS } from './support/client.ts'
import { startServer, startServerWithMail } from './support/server.ts'

const wrong = 'not the password'
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
/** Each test's clients come from networks of their own, told by a trusted proxy. */
const settings = { THROTTLE: 'on', TRUSTED_PROXIES: '192.0.2.1' }

describe.each(DOORS)('by %s', (door) => {
  const stranger = (server: { client(door: 'REST' | 'GraphQL', transport: 'TOKEN'): Client }) =>
    server.client(door, 'TOKEN')

  test('five wrong passwords are free; then right and wrong ones wait alike, known and unknown accounts too', async () => {
    const server = await startServer(settings)
    const input = account()
    await stranger(server).register(input)
    const unknown = account().email
    const fail = async (email: string, index: number) =>
      (await stranger(server).call('login', { email, password: wrong }, from(`198.51.100.${index}`))).code

    const codes = []
    for (let index = 0; index < 5; index++) {
      codes.push(...(await Promise.all([fail(input.email, index), fail(unknown, index)])))
    }
    expect(codes).toEqual(Array(10).fill('INVALID_CREDENTIALS'))
    const answers = await Promise.all([
      stranger(server).call('login', { ...input, password: wrong }, from('198.51.100.50')),
      stranger(server).call('login', { ...input, transport: 'TOKEN' }, from('198.51.100.51')),
      stranger(server).call('login', { email: unknown, password: wrong }, from('198.51.100.52')),
    ])

    for (const { code, status, retryAfter, headers } of answers) {
      expect({ code, status, retryAfter }).toEqual({
        code: 'TOO_MANY_REQUESTS',
        status: door === 'REST' ? 429 : 200,
        retryAfter: 1,
      })
      if (door === 'REST') expect(headers.get('retry-after')).toBe('1')
    }
    await new Promise((done) => setTimeout(done, 1100))
    expect(
      (await stranger(server).call('login', { ...input, transport: 'TOKEN' }, from('198.51.100.53'))).data,
    ).not.toBeNull()
    // The right password ended the count.
    expect(await fail(input.email, 54)).toBe('INVALID_CREDENTIALS')
  })

  test('the wait grows with each failure, and a reset is still open to the owner', async () => {
    const server = await startServerWithMail(settings)
    const input = account()
    await stranger(server).register(input)
    const key = 'loginWait:%'
    const waits = []
    for (let index = 0; index < 8; index++) {
      await server.sql`delete from throttle where key like ${key}`
      await stranger(server).call('login', { ...input, password: wrong }, from(`198.51.100.${index}`))
      const [row] =
        await server.sql`select extract(epoch from expire - now())::float as seconds from throttle where key like ${key}`
      waits.push(Math.ceil(row?.seconds ?? 0))
    }
    await stranger(server).call('requestPasswordReset', { email: input.email })
    const { token } = await server.mailbox.mail(input.email, /Reset/)

    expect(waits).toEqual([0, 0, 0, 0, 1, 2, 4, 8])
    expect(
      (await stranger(server).call('resetPassword', { token, newPassword: 'another long phrase' })).data,
    ).toBe(true)
  })

  test('a hundred guesses at once get no more turns than one after another', async () => {
    const server = await startServer(settings)
    const input = account()
    await stranger(server).register(input)

    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        stranger(server).call('login', { ...input, password: wrong }, from(`198.51.100.${index}`)),
      ),
    )

    expect(answers.filter(({ code }) => code === 'INVALID_CREDENTIALS')).toHaveLength(5)
    const kinds = await server.sql`select count(*)::int as times from events where kind = 'throttled'`
    expect(kinds[0]?.times).toBe(1)
  })

  test('an address has 20 logins a minute and 20 registrations an hour; an IPv6 network counts as one', async () => {
    const server = await startServer(settings)
    const login = (address: string) => stranger(server).call('login', account(), from(address))
    const register = (address: string) => stranger(server).call('register', account(), from(address))
    const repeat = async (act: (address: string) => Promise<{ code?: string }>, addresses: string[]) => {
      const codes = []
      for (const address of addresses) codes.push((await act(address)).code)
      return codes.filter((code) => code === 'TOO_MANY_REQUESTS').length
    }
    const oneNetwork = Array.from({ length: 22 }, (_, index) => `2001:db8:1:2::${index + 1}`)
    const manyNetworks = Array.from({ length: 22 }, (_, index) => `2001:db8:2:${index}::1`)

    expect(await repeat(login, Array(22).fill('203.0.113.1'))).toBe(2)
    expect(await repeat(login, oneNetwork)).toBe(2)
    expect(await repeat(login, manyNetworks)).toBe(0)
    expect(await repeat(register, Array(22).fill('203.0.113.2'))).toBe(2)
    expect((await login('203.0.113.3')).code).toBe('INVALID_CREDENTIALS')
  })

  test('a session has five tries at the password, an address ten at mailed tokens', async () => {
    const server = await startServer(settings)
    const client = stranger(server)
    const input = account()
    await client.register(input)
    const tries = []
    for (let index = 0; index < 6; index++) tries.push((await client.deleteMe({ password: wrong })).code)
    const right = await client.changePassword({
      currentPassword: input.password,
      newPassword: 'another long phrase',
    })
    const tokens = []
    for (let index = 0; index < 11; index++)
      tokens.push((await client.call('verifyEmail', { token: 'x' })).code)

    expect(tries).toEqual([...Array(5).fill('INVALID_CREDENTIALS'), 'TOO_MANY_REQUESTS'])
    expect(right.code).toBe('TOO_MANY_REQUESTS')
    expect(tokens).toEqual([...Array(10).fill('INVALID_TOKEN'), 'TOO_MANY_REQUESTS'])
  })

  test('three reset mails an hour go out, and the answer does not change', async () => {
    const server = await startServerWithMail(settings)
    const input = account()
    await stranger(server).register(input)

    const answers = []
    for (let index = 1; index <= 5; index++) {
      answers.push(await stranger(server).call('requestPasswordReset', { email: input.email }))
      await server.mailbox.mail(input.email, /Reset/, Math.min(index, 3))
    }
    await new Promise((done) => setTimeout(done, 1200))

    expect(answers.map(({ status, code }) => [status, code])).toEqual(
      Array(5).fill([door === 'REST' ? 202 : 200, undefined]),
    )
    expect(server.mailbox.received.filter(({ subject }) => /Reset/.test(subject))).toHaveLength(3)
  })
})
