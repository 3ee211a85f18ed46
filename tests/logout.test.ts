import { beforeAll, describe, expect, test } from 'vitest'
import { account, WAYS } from './support/client.ts'
import { startServer } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServer>>
beforeAll(async () => {
  server = await startServer()
})

describe.each(WAYS)('logout by $door with $transport', ({ door, transport }) => {
  test('ends the session: neither its secret nor its access token works again', async () => {
    const client = server.client(door, transport)
    await client.register()
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
      expect(headers.get('clear-site-data')).toBe('"cookies"')
    }
  })

  test('leaves other sessions of the user alone', async () => {
    const input = account()
    const here = server.client(door, transport)
    const there = server.client(door, transport)
    await here.register(input)
    await there.login(input)

    await here.logout()

    expect((await there.me()).data?.email).toBe(input.email)
  })

  test('takes the refresh token, and an access token that has expired', async () => {
    const byRefreshToken = server.client(door, 'TOKEN')
    const byAccessToken = server.client(door, transport)
    await byRefreshToken.register()
    await byAccessToken.register()
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

  test('without any credentials there is nobody to log out', async () => {
    const client = server.client(door, transport)

    expect(await client.call('logout')).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'MISSING' })
  })

  test('succeeds with a credential that is unknown, and clears the cookie', async () => {
    const client = server.client(door, transport)
    client.kept.cookie = '__Host-servauth=unknown'

    const { data, headers } = await client.call('logout', undefined, { bearer: null })

    expect(data).toBe(true)
    expect(headers.getSetCookie()[0]).toMatch(/^__Host-servauth=; Max-Age=0;/)
  })

  test('succeeds when it is done twice', async () => {
    const client = server.client(door, transport)
    await client.register()
    const again = client.twin()

    await client.logout()

    expect((await again.logout()).data).toBe(true)
  })
})

test('logging out by the bearer leaves the cookie of another session', async () => {
  const cookie = server.client('REST', 'COOKIE')
  const bearer = server.client('REST', 'TOKEN')
  await cookie.register()
  await bearer.register()

  const { headers } = await bearer.call('logout', undefined, {
    cookie: cookie.kept.cookie,
    bearer: bearer.kept.accessToken,
  })

  expect(headers.getSetCookie()).toEqual([])
  expect((await cookie.me()).data).not.toBeNull()
  expect((await bearer.me()).reason).toBe('REVOKED')
})

test('a secret from before the password changed ends nothing', async () => {
  const input = account()
  const client = server.client('REST', 'TOKEN')
  await client.register(input)
  const { refreshToken } = client.kept
  await client.changePassword({ currentPassword: input.password, newPassword: 'another long phrase' })

  const inBody = await server.client('REST', 'TOKEN').call('logout', { refreshToken })
  const asBearer = await server.client('REST', 'TOKEN').call('logout', undefined, { bearer: refreshToken })

  expect([inBody.status, asBearer.status]).toEqual([204, 204])
  expect((await client.me()).data?.email).toBe(input.email)
})

test('logging out with a bearer that is good for nothing ends the session in the cookie', async () => {
  const client = server.client('GraphQL', 'COOKIE')
  await client.register()
  const left = client.twin()

  const { data } = await client.call('logout', undefined, { bearer: 'nonsense' })

  expect(data).toBe(true)
  expect(client.kept.cookie).toBeNull()
  expect((await left.me()).reason).toBe('REVOKED')
})
