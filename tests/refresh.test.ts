import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Client, WAYS } from './support/client.ts'
import { startServer } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServer>>
beforeAll(async () => {
  server = await startServer()
})

describe.each(WAYS)('refresh by $door with $transport', ({ door, transport }) => {
  async function signedIn() {
    const client = server.client(door, transport)
    const { data } = await client.register()
    return { client, sessionId: data?.session.id ?? '' }
  }

  /** Lets time pass for a session, as its own clock sees it. */
  const age = (id: string, seconds: number) => server.sql`
    update sessions set
      rotated_at = rotated_at - make_interval(secs => ${seconds}),
      created_at = created_at - make_interval(secs => ${seconds}),
      expires_at = expires_at - make_interval(secs => ${seconds})
    where id = ${id}`

  const isAlive = async (client: Client) => (await client.me()).data !== null

  test('gives a new access token of the same session, and a session that never rotated rotates', async () => {
    const { client, sessionId } = await signedIn()
    const [secret, accessToken] = [client.secret(), client.kept.accessToken]

    const { data } = await client.refresh()

    expect(client.secret()).not.toBe(secret)
    expect(data?.accessToken).not.toBe(accessToken)
    expect(data?.session.id).toBe(sessionId)
    expect(decodeJwt(data?.accessToken ?? '')).toMatchObject({ sid: sessionId, sub: data?.user.id })
    expect(await isAlive(client)).toBe(true)
  })

  test('rotates once in the grace, and gives predecessor and current the current one', async () => {
    const { client } = await signedIn()
    const other = client.twin()

    await client.refresh()
    const rotated = client.secret()
    await other.refresh()
    await client.refresh()

    expect(other.secret()).toBe(rotated)
    expect(client.secret()).toBe(rotated)
  })

  test('rotates again after the grace', async () => {
    const { client, sessionId } = await signedIn()
    await client.refresh()
    const first = client.secret()

    await age(sessionId, 31)
    await client.refresh()

    expect(client.secret()).not.toBe(first)
    expect(await isAlive(client)).toBe(true)
  })

  test('takes a predecessor after the grace for theft and ends the session', async () => {
    const { client, sessionId } = await signedIn()
    const thief = client.twin()
    await client.refresh()

    await age(sessionId, 31)
    const theft = await thief.refresh()
    const owner = await client.refresh()

    expect(theft).toMatchObject({ code: 'REFRESH_REUSED', status: door === 'REST' ? 401 : 200 })
    expect(owner).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'REVOKED' })
    expect(await server.sql`select from sessions where id = ${sessionId}`).toHaveLength(0)
  })

  test('takes an older token of the lineage for theft, also within the grace', async () => {
    const { client, sessionId } = await signedIn()
    const thief = client.twin()
    await client.refresh()
    await age(sessionId, 31)
    await client.refresh()

    expect((await thief.refresh()).code).toBe('REFRESH_REUSED')
    expect(await isAlive(client)).toBe(false)
  })

  test('does not take an invented token for theft, whatever session it names', async () => {
    const { client, sessionId } = await signedIn()
    const bytes = Buffer.from((client.secret() ?? '').replace(/^.*=/, ''), 'base64url')
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
    const invented = bytes.toString('base64url')
    const forger = server.client(door, transport)
    Object.assign(forger.kept, { cookie: `__Host-servauth=${invented}`, refreshToken: invented })

    expect(await forger.refresh()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
    expect(await server.sql`select from sessions where id = ${sessionId}`).toHaveLength(1)
    expect(await isAlive(client)).toBe(true)
  })

  test('ends with the idle life, which a refresh renews, and with the absolute one, which it does not', async () => {
    const { client, sessionId } = await signedIn()
    await age(sessionId, 6 * 86_400)
    await client.refresh()
    await age(sessionId, 6 * 86_400)
    const renewed = await client.refresh()
    await age(sessionId, 6 * 86_400)
    await client.refresh()
    await age(sessionId, 6 * 86_400)
    const nearTheEnd = await client.refresh()
    await age(sessionId, 6 * 86_400 + 1)

    expect(renewed.data).not.toBeNull()
    const created = Date.parse(nearTheEnd.data?.session.createdAt ?? '')
    expect(Date.parse(nearTheEnd.data?.session.expiresAt ?? '') - created).toBe(30 * 86_400_000)
    expect(await client.refresh()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'EXPIRED' })
    expect(await client.me()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'EXPIRED' })
  })

  test('reads the user anew', async () => {
    const { client } = await signedIn()
    const { data } = await client.me()
    await server.sql`update users set username = 'Changed elsewhere' where id = ${data?.id ?? ''}`

    expect((await client.refresh()).data?.user.username).toBe('Changed elsewhere')
  })

  test('refuses a secret that travels the other way than its session chose', async () => {
    const { client } = await signedIn()
    const secret = (client.secret() ?? '').replace(/^.*=/, '')
    const other = server.client(door, transport === 'COOKIE' ? 'TOKEN' : 'COOKIE')
    Object.assign(other.kept, {
      refreshToken: secret,
      cookie: transport === 'TOKEN' ? `__Host-servauth=${secret}` : null,
    })

    expect(await other.refresh()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
    expect(await isAlive(client)).toBe(true)
  })

  test('needs a refresh token: nothing is MISSING, an access token is INVALID', async () => {
    const { client } = await signedIn()
    const nothing = { cookie: null, bearer: null }

    const missing = await client.call('refresh', undefined, nothing)
    const access = await client.call('refresh', { refreshToken: client.kept.accessToken }, nothing)

    expect(missing).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'MISSING' })
    expect(access).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
  })

  test('50 at once, some of whose replies are lost, end in one live lineage and nobody is logged out', async () => {
    const { client, sessionId } = await signedIn()

    for (let round = 0; round < 4; round++) {
      const before = client.secret()
      const tabs = Array.from({ length: 50 }, () => client.twin())
      const answers = await Promise.all(tabs.map((tab) => tab.refresh()))
      const replied = tabs.filter((_, index) => index % 3 !== 0)

      expect(answers.map(({ code }) => code)).toEqual(Array(50).fill(undefined))
      expect(new Set(tabs.map((tab) => tab.secret())).size).toBe(1)
      // One round in which no reply arrives at all: the client tries again with what it has.
      if (round !== 1) Object.assign(client.kept, replied[round]?.kept)
      else expect((await client.refresh()).data).not.toBeNull()
      expect(client.secret()).not.toBe(before)
      await age(sessionId, 31)
    }

    expect(await isAlive(client)).toBe(true)
    expect(await server.sql`select from sessions where id = ${sessionId}`).toHaveLength(1)
  })
})

test('REST takes the refresh token as the bearer', async () => {
  const client = server.client('REST', 'TOKEN')
  await client.register()

  const { data } = await client.call('refresh', undefined, { bearer: client.kept.refreshToken })

  expect(data?.refreshToken).toBeTruthy()
})

test.each(['REST', 'GraphQL'] as const)(
  '%s refreshes by the cookie beside an expired access token',
  async (door) => {
    const client = server.client(door, 'COOKIE')
    await client.register()

    const { data } = await client.call('refresh', undefined, { bearer: client.kept.accessToken })

    expect(data).not.toBeNull()
  },
)
