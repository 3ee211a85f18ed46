import { describe, expect, test } from 'vitest'
import { WAYS } from './support/client.ts'
import { useServer } from './support/server.ts'

const server = useServer()

describe.each(WAYS)('logout by $adapter with $transport', ({ adapter, transport }) => {
  test('after a logout neither the secret nor the access token of the session works', async () => {
    const { client } = await server.registerUser(adapter, transport)
    const left = client.twin()

    const { data, headers } = await client.logout()

    expect(data).toBe(true)
    expect(await left.me()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'REVOKED' })
    expect(await left.refresh()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'REVOKED' })
    expect(await left.call('me', undefined, { cookie: null, bearer: left.kept.accessToken })).toMatchObject({
      reason: 'REVOKED',
    })
    if (transport === 'COOKIE') {
      expect(headers.getSetCookie()).toEqual([
        '__Host-servauth=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax',
      ])
      // The device cookie stays: it only marks a known browser.
      expect(headers.get('clear-site-data')).toBeNull()
    }
  })

  test('logout leaves the other sessions of the user alone', async () => {
    const { client: here, input } = await server.registerUser(adapter, transport)
    const there = server.client(adapter, transport)
    await there.login(input)

    await here.logout()

    expect((await there.me()).data?.email).toBe(input.email)
  })

  test('logout takes a refresh token or an access token', async () => {
    const { client: byRefreshToken } = await server.registerUser(adapter)
    const { client: byAccessToken } = await server.registerUser(adapter, transport)
    const twins = [byRefreshToken.twin(), byAccessToken.twin()]
    const nothing = { cookie: null, bearer: null }

    const first = await byRefreshToken.call(
      'logout',
      { refreshToken: byRefreshToken.kept.refreshToken },
      nothing,
    )
    const second = await byAccessToken.call('logout', undefined, {
      cookie: null,
      bearer: byAccessToken.kept.accessToken,
    })

    expect([first.data, second.data]).toEqual([true, true])
    for (const twin of twins) expect((await twin.me()).reason).toBe('REVOKED')
  })

  test('logout without a credential is UNAUTHENTICATED', async () => {
    const client = server.client(adapter, transport)

    expect(await client.call('logout')).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'MISSING' })
  })

  test('logout with an unknown credential succeeds and clears the cookie', async () => {
    const client = server.client(adapter, transport)
    client.kept.cookie = '__Host-servauth=unknown'

    const { data, headers } = await client.call('logout', undefined, { bearer: null })

    expect(data).toBe(true)
    expect(headers.getSetCookie()[0]).toMatch(/^__Host-servauth=; Max-Age=0;/)
  })

  test('a second logout of the same session succeeds', async () => {
    const { client } = await server.registerUser(adapter, transport)
    const again = client.twin()

    await client.logout()

    expect((await again.logout()).data).toBe(true)
  })
})

test('logout by a bearer does not end the session of a cookie in the same request', async () => {
  const { client: cookie } = await server.registerUser('REST', 'COOKIE')
  const { client: bearer } = await server.registerUser()

  const { headers } = await bearer.call('logout', undefined, {
    cookie: cookie.kept.cookie,
    bearer: bearer.kept.accessToken,
  })

  expect(headers.getSetCookie()).toEqual([])
  expect((await cookie.me()).data).not.toBeNull()
  expect((await bearer.me()).reason).toBe('REVOKED')
})

test('logout with a secret from before a password change ends no session', async () => {
  const { client, input } = await server.registerUser()
  const { refreshToken } = client.kept
  await client.changePassword({ currentPassword: input.password, newPassword: 'another long phrase' })

  const inBody = await server.client().call('logout', { refreshToken })
  const asBearer = await server.client().call('logout', undefined, { bearer: refreshToken })

  expect([inBody.status, asBearer.status]).toEqual([204, 204])
  expect((await client.me()).data?.email).toBe(input.email)
})

test('logout with an invalid bearer ends the session of the cookie in the same request', async () => {
  const { client } = await server.registerUser('GraphQL', 'COOKIE')
  const left = client.twin()

  const { data } = await client.call('logout', undefined, { bearer: 'nonsense' })

  expect(data).toBe(true)
  expect(client.kept.cookie).toBeNull()
  expect((await left.me()).reason).toBe('REVOKED')
})

// It would end the session that the request has presented, and leave the one that was opened or renewed beside it.
test.each([
  (email: string, password: string) =>
    `login(input: { email: "${email}", password: "${password}" }) { user { id } }`,
  (_email: string, password: string) => `stepUp(input: { password: "${password}" }) { user { id } }`,
  (_email: string, password: string) =>
    `changePassword(input: { currentPassword: "${password}", newPassword: "another long phrase" }) { user { id } }`,
  (email: string) => `updateMe(input: { email: "new.${email}" }) { id }`,
])('a logout is refused in one operation with a mutation that replaces the secret (%#)', async (mutation) => {
  const { client, input } = await server.registerUser('GraphQL', 'COOKIE')
  const query = `mutation { ${mutation(input.email, input.password)} logout }`

  const response = await server.askGraphQL({ query }, { cookie: client.kept.cookie ?? '' })

  expect(response.status).toBe(400)
  expect(response.headers.getSetCookie()).toEqual([])
  expect((await client.me()).data?.email).toBe(input.email)
})

test('an operation may end the other sessions and then this one', async () => {
  const { client } = await server.registerUser('GraphQL', 'COOKIE')
  const query = 'mutation { revokeOtherSessions logout }'

  const response = await server.askGraphQL({ query }, { cookie: client.kept.cookie ?? '' })

  expect(await response.json()).toEqual({ data: { revokeOtherSessions: 0, logout: true } })
  expect((await client.me()).reason).toBe('REVOKED')
})
