import { afterEach, describe, expect, test, vi } from 'vitest'
import { ADAPTERS, account, from } from './support/client.ts'
import { drainOutbox } from './support/outbox.ts'
import { BEHIND_PROXY, type Server, startServer, startServerWithMail } from './support/server.ts'
import { pause } from './support/time.ts'

const wrong = 'not the password'
/** A trusted proxy names the network of each client, so every test uses networks of its own. */
const settings = { THROTTLE: 'on', ...BEHIND_PROXY }

/** On a busy machine, the next attempts may take longer than a wait of some seconds. */
const prolongWaits = ({ sql }: Server) =>
  sql`update throttle set expire = expire + interval '1 hour' where key like 'loginWait:%'`

const endWaits = ({ sql }: Server) => sql`update throttle set expire = now() where key like 'loginWait:%'`

/** Records how long each wait is when it begins. */
async function recordWaits({ sql }: Server) {
  await sql.unsafe(`
    create table begun (seconds float);
    create function record_wait() returns trigger language plpgsql as $$ begin
      insert into begun values (extract(epoch from new.expire - now()));
      return null;
    end $$;
    create trigger record_wait after insert or update on throttle for each row
      when (new.key like 'loginWait:%') execute function record_wait()`)
  /** The latest wait, 0 if none has begun, which is over then. */
  return async () => {
    const begun =
      await sql`with gone as (delete from throttle where key like 'loginWait:%') delete from begun returning seconds`
    return Math.ceil(Math.max(0, ...begun.map(({ seconds }) => seconds)))
  }
}

describe.each(ADAPTERS)('limits by %s', (adapter) => {
  const stranger = ({ client }: Pick<Server, 'client'>) => client(adapter)

  test('after five wrong passwords every login waits, whatever password or account', async () => {
    const server = await startServer(settings)
    const { input } = await server.registerUser(adapter)
    const unknown = account().email
    const fail = async (email: string, index: number) =>
      (await stranger(server).call('login', { email, password: wrong }, from(`198.51.100.${index}`))).code

    const codes = []
    for (let index = 0; index < 5; index++) {
      codes.push(...(await Promise.all([fail(input.email, index), fail(unknown, index)])))
    }
    expect(codes).toEqual(Array(10).fill('INVALID_CREDENTIALS'))
    await prolongWaits(server)
    const answers = await Promise.all([
      stranger(server).call('login', { ...input, password: wrong }, from('198.51.100.50')),
      stranger(server).call('login', { ...input, transport: 'TOKEN' }, from('198.51.100.51')),
      stranger(server).call('login', { email: unknown, password: wrong }, from('198.51.100.52')),
    ])

    for (const { code, status, retryAfter = 0, headers } of answers) {
      expect({ code, status }).toEqual({
        code: 'TOO_MANY_REQUESTS',
        status: adapter === 'REST' ? 429 : 200,
      })
      expect(retryAfter).toBeLessThanOrEqual(3601)
      expect(retryAfter).toBeGreaterThan(3500)
      if (adapter === 'REST') expect(headers.get('retry-after')).toBe(String(retryAfter))
    }
    await endWaits(server)
    expect(
      (await stranger(server).call('login', { ...input, transport: 'TOKEN' }, from('198.51.100.53'))).data,
    ).not.toBeNull()
    // The network that signed in has a budget of its own. For strangers nothing has changed.
    expect(await fail(input.email, 53)).toBe('INVALID_CREDENTIALS')
    await prolongWaits(server)
    expect(await fail(input.email, 54)).toBe('TOO_MANY_REQUESTS')
  })

  test('the wait grows with each failure, and the owner can still reset the password', async () => {
    const server = await startServerWithMail(settings)
    const { input } = await server.registerUser(adapter)
    const endWait = await recordWaits(server)
    const waits = []
    for (let index = 0; index < 8; index++) {
      await stranger(server).call('login', { ...input, password: wrong }, from(`198.51.100.${index}`))
      waits.push(await endWait())
    }
    await stranger(server).call('requestPasswordReset', { email: input.email })
    const token = await server.mailbox.token(input.email, /Reset/)

    expect(waits).toEqual([0, 0, 0, 0, 1, 2, 4, 8])
    expect(
      (await stranger(server).call('resetPassword', { token, newPassword: 'another long phrase' })).data,
    ).toBe(true)
  })

  test('60 guesses at once get no more turns than guesses one after another', async () => {
    const server = await startServer(settings)
    const { input } = await server.registerUser(adapter)

    const began = performance.now()
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        stranger(server).call('login', { ...input, password: wrong }, from(`198.51.100.${index}`)),
      ),
    )

    const count = (...codes: string[]) => answers.filter(({ code }) => codes.includes(code ?? '')).length
    const turns = count('INVALID_CREDENTIALS')
    const kinds = await server.sql`select count(*)::int as times from events where kind = 'throttled'`
    // On a busy machine the first wait of one second may be over before the last guess arrives.
    const seconds = (performance.now() - began) / 1000
    // It may also refuse a guess that has got its turn.
    expect(count('INVALID_CREDENTIALS', 'SERVICE_UNAVAILABLE')).toBeGreaterThanOrEqual(5)
    expect(turns).toBeLessThanOrEqual(5 + Math.floor(seconds))
    expect(kinds[0]?.times).toBeLessThanOrEqual(1 + Math.floor(seconds))
  })

  test('an IP address or IPv6 network has 20 logins a minute and 20 registrations an hour', async () => {
    const server = await startServer(settings)
    const login = (address: string) => stranger(server).call('login', account(), from(address))
    const register = (address: string) => stranger(server).call('register', account(), from(address))
    const repeat = async (act: (address: string) => Promise<{ code?: string }>, addresses: string[]) => {
      const codes = []
      for (const address of addresses) codes.push((await act(address)).code)
      return codes.filter((code) => code === 'TOO_MANY_REQUESTS').length
    }
    const oneNetwork = Array.from({ length: 22 }, (_, index) => `2001:db8:1:2:${index}::1`)
    const manyNetworks = Array.from({ length: 22 }, (_, index) => `2001:db8:2:${index}::1`)
    const manyTranslated = Array.from({ length: 22 }, (_, index) => `64:ff9b::203.0.113.${index + 10}`)

    expect(await repeat(login, Array(22).fill('203.0.113.1'))).toBe(2)
    expect(await repeat(login, oneNetwork)).toBe(2)
    expect(await repeat(login, manyNetworks)).toBe(0)
    expect(await repeat(login, manyTranslated)).toBe(0)
    expect(await repeat(register, Array(22).fill('203.0.113.2'))).toBe(2)
    expect((await login('203.0.113.3')).code).toBe('INVALID_CREDENTIALS')
  })

  test('a session has five tries at the password, an IP address ten at mailed tokens', async () => {
    const server = await startServer(settings)
    const { client, input } = await server.registerUser(adapter)
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
})

afterEach(() => {
  vi.useRealTimers()
})

test('a clock that is ten minutes off does not change the limits', async () => {
  const server = await startServer(settings)
  const { input } = await server.registerUser()
  const login = (password: string) => server.client().login({ ...input, password })
  const setClock = (minutes: number) => vi.setSystemTime(Date.now() + minutes * 60_000)
  for (let index = 0; index < 20; index++) {
    await login(wrong)
    await server.sql`delete from throttle where key like 'loginFailures:%' or key like 'loginWait:%'`
  }

  setClock(10)
  const ahead = await login(input.password)
  vi.useRealTimers()
  setClock(-10)
  const behind = await login(input.password)
  vi.useRealTimers()
  await server.sql`update throttle set expire = now()`
  setClock(-10)
  const over = await login(input.password)

  for (const { code, retryAfter = 0 } of [ahead, behind]) {
    expect(code).toBe('TOO_MANY_REQUESTS')
    expect(retryAfter).toBeLessThanOrEqual(60)
    expect(retryAfter).toBeGreaterThan(30)
  }
  expect(over.data).not.toBeNull()
})

test('every guess at the end of a wait is counted as a failure', async () => {
  const server = await startServer(settings, { hasProxy: true })
  const { input } = await server.registerUser()
  const fail = async (index: number) =>
    server.client().call('login', { email: input.email, password: wrong }, from(`198.51.100.${index}`))
  const count = async (name: string) => {
    const [row] =
      await server.sql`select points, extract(epoch from expire - now())::float as seconds from throttle where key like ${`${name}:%`}`
    return row
  }
  await Promise.all(Array.from({ length: 6 }, (_, index) => fail(index)))
  await server.sql`update throttle set points = 20 where key like 'loginFailures:%'`
  await server.sql`update throttle set points = 1, expire = now() + interval '500 ms' where key like 'loginWait:%'`

  // Each login reads the wait a tenth of a second before it could take a turn.
  server.proxy.slow(50)
  const answers = []
  for (let index = 10; index < 40; index++) {
    answers.push(fail(index))
    await pause(20)
  }
  const codes = (await Promise.all(answers)).map(({ code }) => code)
  server.proxy.restore()
  const counted = (await count('loginFailures'))?.points
  await server.sql`update throttle set expire = now() where key like 'loginWait:%'`
  await fail(50)

  const turns = codes.filter((code) => code === 'INVALID_CREDENTIALS').length
  expect(codes.filter((code) => code !== 'TOO_MANY_REQUESTS')).toEqual(
    Array(turns).fill('INVALID_CREDENTIALS'),
  )
  expect(counted).toBe(20 + turns)
  expect((await count('loginFailures'))?.points).toBe(21 + turns)
  expect((await count('loginWait'))?.seconds).toBeGreaterThan(890)
})

test('a success beside a refused attempt gives no additional free attempts', async () => {
  const server = await startServer(settings)
  const { input } = await server.registerUser()
  const fail = () => server.client().login({ ...input, password: wrong })
  await fail()
  await server.sql`update throttle set points = 20 where key like 'loginFailures:%'`
  // Between the count and the turn another login succeeds, which clears the count.
  await server.sql.unsafe(`
    create function succeed() returns trigger language plpgsql as $$ begin
      delete from throttle where key like 'loginFailures:%';
      new.points := 2;
      return new;
    end $$;
    create trigger succeed before insert on throttle for each row
      when (new.key like 'loginWait:%') execute function succeed()`)

  const refused = await fail()
  const rows = await server.sql`select points from throttle where key like 'loginFailures:%'`

  expect(refused.code).toBe('TOO_MANY_REQUESTS')
  expect([...rows]).toEqual([{ points: 0 }])
})

test('each limit is a setting', async () => {
  const limits =
    'loginPerAddress=2/60, loginFailures=1/3, registerPerAddress=1/600, emailChangePerAccount=2/60'
  const server = await startServer({ ...settings, THROTTLE_LIMITS: limits })
  const { client, input } = await server.registerUser()
  const fail = (email: string, address: string) =>
    client.call('login', { email, password: wrong }, { bearer: null, ...from(address) })
  const endWait = await recordWaits(server)
  const waits = []
  for (const index of [0, 1, 2, 3, 4]) {
    await fail(input.email, `198.51.100.${index}`)
    waits.push(await endWait())
  }
  const logins = []
  for (let index = 0; index < 3; index++) logins.push((await fail(account().email, '203.0.113.9')).code)
  const second = await server.client().register()
  const changes = []
  for (let index = 0; index < 3; index++)
    changes.push((await client.updateMe({ email: account().email, currentPassword: input.password })).code)

  expect(waits).toEqual([1, 2, 3, 3, 3])
  expect(logins).toEqual(['INVALID_CREDENTIALS', 'INVALID_CREDENTIALS', 'TOO_MANY_REQUESTS'])
  expect(second.code).toBe('TOO_MANY_REQUESTS')
  expect(second.retryAfter).toBeGreaterThan(540)
  expect(changes).toEqual([undefined, undefined, 'TOO_MANY_REQUESTS'])
})

describe('limits of mails', () => {
  test('eight mails an hour are sent to an address that is registered again and again', async () => {
    const server = await startServerWithMail(settings)
    const input = account()
    for (let round = 0; round < 10; round++) {
      const client = server.client()
      expect((await client.register(input)).status).toBe(201)
      await drainOutbox(server)
      expect((await client.deleteMe({ password: input.password })).status).toBe(204)
    }

    expect(server.mailbox.to(input.email)).toHaveLength(8)
  })

  test('an IP address cannot request more mails than its limit, whatever the accounts', async () => {
    const server = await startServerWithMail({ ...settings, THROTTLE_LIMITS: 'mailRequestPerAddress=2/3600' })
    const answers = []
    for (let index = 0; index < 4; index++) {
      const input = { email: account().email }
      answers.push(await server.client().call('requestPasswordReset', input))
      answers.push(await server.client().call('requestEmailVerification', input, from('203.0.113.1')))
    }

    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 429, 429, 429, 429])
    const promised =
      await server.sql`select kind, count(*)::int as mails from mail_outbox group by 1 order by 1`
    expect([...promised]).toEqual([
      { kind: 'email-verification', mails: 2 },
      { kind: 'password-reset', mails: 2 },
    ])
  })
})

describe('browsers of one account in a network that has requested all its mails', () => {
  async function browsers() {
    const server = await startServerWithMail({ ...settings, THROTTLE_LIMITS: 'mailRequestPerAddress=2/3600' })
    const { input } = await server.registerUser()
    const signIn = async () => {
      const browser = server.client('REST', 'COOKIE', '203.0.113.5')
      expect((await browser.login(input)).status).toBe(200)
      return browser
    }
    const neighbour = server.client('REST', 'COOKIE', '203.0.113.5')
    for (let index = 0; index < 2; index++)
      await neighbour.call('requestPasswordReset', { email: account().email })
    return { email: input.email, all: [await signIn(), await signIn(), await signIn()] }
  }

  test('they request no more mails for other addresses, however many there are', async () => {
    const { all } = await browsers()

    const answers = []
    for (const browser of all)
      answers.push(await browser.call('requestPasswordReset', { email: account().email }))

    expect(answers.map(({ status }) => status)).toEqual([429, 429, 429])
  })

  test('each has requests of its own for its account', async () => {
    const { all, email } = await browsers()

    const answers = []
    for (const browser of all)
      for (let index = 0; index < 3; index++)
        answers.push(await browser.call('requestPasswordReset', { email }))

    expect(answers.map(({ status }) => status)).toEqual([202, 202, 429, 202, 202, 429, 202, 202, 429])
  })
})

describe.each(['on', 'off'])('with THROTTLE=%s', (THROTTLE) => {
  test('one client cannot fill the events with refused origins, failures and mail requests', async () => {
    const server = await startServerWithMail({
      ...settings,
      THROTTLE,
      THROTTLE_LIMITS: 'eventPerAddress=3/3600',
      REQUIRE_EMAIL_VERIFICATION: 'true',
    })
    const { input: taken } = await server.registerUser()
    const stranger = server.client()
    for (let index = 0; index < 6; index++) {
      await stranger.call('login', account(), { headers: { origin: 'https://evil.example' } })
      await stranger.login(account())
      await stranger.call('requestPasswordReset', { email: account().email })
      await stranger.register(taken)
    }
    await stranger.call('login', account(), {
      headers: { origin: 'https://evil.example', 'x-forwarded-for': '203.0.113.77' },
    })

    const kinds = () =>
      server.sql`select kind, sum(count)::int as times from events where kind <> 'register' group by 1 order by 1`
    await expect
      .poll(async () => [...(await kinds())])
      .toEqual([
        { kind: 'login_failed', times: 3 },
        { kind: 'origin_refused', times: 4 },
        { kind: 'password_reset_requested', times: 3 },
        // The first registration counts too: until it is done, the server does not know whether the address is taken.
        { kind: 'register_taken', times: 2 },
      ])
  })
})
