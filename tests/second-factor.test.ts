import { execFileSync } from 'node:child_process'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import {
  createAuthenticator,
  enrollTotp,
  forgetUsedCodes,
  registerWithTotp,
} from './support/authenticator.ts'
import { ADAPTERS, WAYS } from './support/client.ts'
import { findProgram } from './support/programs.ts'
import { startServer, useServer } from './support/server.ts'

const server = useServer()

describe.each(WAYS)('a second factor by $adapter with $transport', ({ adapter, transport }) => {
  test('a sign-in with a right password gives a challenge, and its code opens the session', async () => {
    const { input, authenticator } = await registerWithTotp(server, adapter, transport)
    const client = server.client(adapter, transport)

    const challenged = await client.login(input)
    const beforeCode = await client.me()
    const { data } = await client.completeLogin(challenged.challenge?.id, { totp: authenticator.code() })
    const me = await client.me()

    expect(challenged).toMatchObject({
      code: 'SECOND_FACTOR_REQUIRED',
      status: adapter === 'REST' ? 401 : 200,
      challenge: { id: expect.any(String), methods: ['totp', 'recoveryCode'], expiresAt: expect.any(String) },
    })
    expect(challenged.headers.getSetCookie()).toEqual([])
    expect(beforeCode.data).toBeNull()
    expect(data?.refreshToken === null).toBe(transport === 'COOKIE')
    expect(data?.session).toMatchObject({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
    expect(me.data?.email).toBe(input.email)
  })

  test('the first factor gives ten recovery codes, makes the session aal2 and ends the others', async () => {
    const { client, input } = await server.registerUser(adapter, transport)
    const other = server.client(adapter, transport)
    await other.login(input)

    const { recoveryCodes } = await enrollTotp(client)
    const sessions = await client.sessions()

    expect(recoveryCodes).toHaveLength(10)
    expect(new Set(recoveryCodes).size).toBe(10)
    expect(recoveryCodes[0]).toMatch(/^([A-Z2-7]{4}-){5}[A-Z2-7]{4}$/)
    expect(sessions.data).toMatchObject([{ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], current: true }])
    expect((await other.me()).code).toBe('UNAUTHENTICATED')
  })

  test('a recovery code completes a sign-in once', async () => {
    const { input, recoveryCodes } = await registerWithTotp(server, adapter, transport)
    const [code = ''] = recoveryCodes
    const client = server.client(adapter, transport)

    const first = await client.completeLogin((await client.login(input)).challenge?.id, {
      recoveryCode: code.toLowerCase().replaceAll('-', ' '),
    })
    const second = await client.completeLogin((await client.login(input)).challenge?.id, {
      recoveryCode: code,
    })

    expect(first.data?.session.acr).toBe('aal2')
    expect(second.code).toBe('INVALID_CREDENTIALS')
  })

  test('a wrong code leaves the challenge valid, and a right one ends it', async () => {
    const { input, authenticator } = await registerWithTotp(server, adapter, transport)
    const client = server.client(adapter, transport)
    const { challenge } = await client.login(input)

    const wrong = await client.completeLogin(challenge?.id, { totp: authenticator.wrongCode() })
    const right = await client.completeLogin(challenge?.id, { totp: authenticator.code() })
    const again = await client.completeLogin(challenge?.id, { totp: authenticator.code(1) })

    expect(wrong.code).toBe('INVALID_CREDENTIALS')
    expect(right.data?.user.email).toBe(input.email)
    expect(again.code).toBe('INVALID_TOKEN')
  })

  test('a proof must be exactly one of the methods', async () => {
    const { input, authenticator, recoveryCodes } = await registerWithTotp(server, adapter, transport)
    const client = server.client(adapter, transport)
    const { challenge } = await client.login(input)

    const none = await client.completeLogin(challenge?.id, {})
    const both = await client.completeLogin(challenge?.id, {
      totp: authenticator.code(),
      recoveryCode: recoveryCodes[0],
    })

    expect([none.code, both.code]).toEqual(['INVALID_INPUT', 'INVALID_INPUT'])
  })
})

test('the code that confirms an app does not count again for a sign-in', async () => {
  const { client, input } = await server.registerUser()
  const { data } = await client.beginTotp()
  const authenticator = createAuthenticator(data?.secret ?? '')
  const code = authenticator.code()
  await client.confirmTotp(data?.id ?? '', code)

  const { challenge } = await client.login(input)
  const replayed = await client.completeLogin(challenge?.id, { totp: code })

  expect(replayed.code).toBe('INVALID_CREDENTIALS')
})

test.each([1, 50])('fifty equal codes at once, for %i challenges, open one session', async (challenges) => {
  const { input, authenticator, user } = await registerWithTotp(server)
  await server.sql`delete from sessions where user_id = ${user.id}`
  const ids: (string | undefined)[] = []
  while (ids.length < challenges) ids.push((await server.client().login(input)).challenge?.id)
  const code = authenticator.code()

  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      server.client().completeLogin(ids[index % challenges], { totp: code }),
    ),
  )

  const [row] = await server.sql`select count(*)::int as count from sessions where user_id = ${user.id}`
  expect(answers.filter(({ data }) => data !== null)).toHaveLength(1)
  expect(row?.count).toBe(1)
})

test('an older code is refused after a newer one', async () => {
  const { input, authenticator } = await registerWithTotp(server)
  await forgetUsedCodes(server)
  const signIn = async (code: string) => {
    const client = server.client()
    return client.completeLogin((await client.login(input)).challenge?.id, { totp: code })
  }

  const [older, newer] = [authenticator.code(0), authenticator.code(1)]
  const first = await signIn(newer)
  const second = await signIn(older)

  expect(first.data).not.toBeNull()
  expect(second.code).toBe('INVALID_CREDENTIALS')
})

test.each(ADAPTERS)(
  'by %s, a server that requires a second factor lets a session without one enrol, and nothing else',
  async (adapter) => {
    const strict = await startServer({ SECOND_FACTOR: 'required' })
    const { client, input, session } = await strict.registerUser(adapter)
    const claims = () =>
      JSON.parse(Buffer.from(client.kept.accessToken?.split('.')[1] ?? '', 'base64url').toString())

    const refused = [
      await client.me(),
      await client.sessions(),
      await client.events(),
      await client.updateMe({ username: 'Ada' }),
      await client.deleteMe({ password: input.password }),
      await client.changePassword({ currentPassword: input.password, newPassword: 'another long phrase' }),
    ]
    const { client: inBrowser } = await strict.registerUser(adapter, 'COOKIE')
    const forwarded = await strict.fetch('/auth/forward', {
      headers: { cookie: `${inBrowser.kept.cookie}`, 'x-original-method': 'GET' },
    })
    const audience = claims().aud
    const { authenticator } = await enrollTotp(client)
    await client.refresh()
    const [factor] = (await client.factors()).data ?? []

    for (const answer of refused) {
      expect(answer).toMatchObject({ code: 'REAUTHENTICATION_REQUIRED', acr: 'aal2', methods: [] })
    }
    expect(forwarded.status).toBe(403)
    expect(audience).toBe('https://auth.example.com/auth/factors')
    expect(claims()).toMatchObject({ aud: 'https://auth.example.com', acr: 'aal2', sid: session.id })
    expect((await client.me()).data?.email).toBe(input.email)
    expect((await client.removeFactor(factor?.id ?? '')).code).toBe('INVALID_INPUT')
    const again = strict.client()
    const { challenge } = await again.login(input)
    expect((await again.completeLogin(challenge?.id, { totp: authenticator.code() })).data?.session.acr).toBe(
      'aal2',
    )
  },
)

test('where a factor is required, the tokens of a session whose factor is gone are for the enrolment alone', async () => {
  const strict = await startServer({ SECOND_FACTOR: 'required' })
  const { client, user } = await registerWithTotp(strict)
  // As a user may have done before the operator required a factor.
  await strict.sql`delete from factors where user_id = ${user.id}`
  await strict.catchUp()

  const refreshed = await client.refresh()

  expect((await client.me()).code).toBe('REAUTHENTICATION_REQUIRED')
  expect(decodeJwt(refreshed.data?.accessToken ?? '').aud).toBe('https://auth.example.com/auth/factors')
})

const OATHTOOL = findProgram('oathtool')

test.skipIf(!OATHTOOL)(
  'another implementation of RFC 6238 reads the key and gives codes that sign in',
  async () => {
    const { client, input } = await server.registerUser()
    const { data } = await client.beginTotp()
    const { hostname, pathname, searchParams } = new URL(data?.uri ?? '')
    const key = searchParams.get('secret') ?? ''
    const code = (when: string) =>
      execFileSync(OATHTOOL, ['--totp', '--base32', '--now', when, key], { encoding: 'utf8' }).trim()

    const confirmed = await client.confirmTotp(data?.id ?? '', code('now - 30 seconds'))
    const { challenge } = await client.login(input)
    const completed = await client.completeLogin(challenge?.id, { totp: code('now') })

    expect([hostname, key]).toEqual(['totp', data?.secret])
    expect(pathname).toContain(encodeURIComponent(input.email))
    expect(Object.fromEntries(searchParams)).toMatchObject({ algorithm: 'SHA1', digits: '6', period: '30' })
    // 160 bits.
    expect(key).toMatch(/^[A-Z2-7]{32}$/)
    expect(confirmed.data?.codes).toHaveLength(10)
    expect(completed.data?.session.acr).toBe('aal2')
  },
)
