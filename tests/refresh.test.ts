import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { ADAPTERS, type Client, WAYS } from './support/client.ts'
import { useServer } from './support/server.ts'

const server = useServer()

describe.each(WAYS)('refresh by $adapter with $transport', ({ adapter, transport }) => {
  const registerUser = () => server.registerUser(adapter, transport)

  /** Makes a session older. */
  const age = ({ id }: { id: string }, seconds: number) => server.sql`
    update sessions set
      rotated_at = rotated_at - make_interval(secs => ${seconds}),
      created_at = created_at - make_interval(secs => ${seconds}),
      expires_at = expires_at - make_interval(secs => ${seconds})
    where id = ${id}`

  const isAlive = async (client: Client) => (await client.me()).data !== null

  test('refresh gives a new access token, and the first refresh rotates the secret', async () => {
    const { client, session } = await registerUser()
    const [secret, accessToken] = [client.secret(), client.kept.accessToken]

    const { data } = await client.refresh()

    expect(client.secret()).not.toBe(secret)
    expect(data?.accessToken).not.toBe(accessToken)
    expect(data?.session.id).toBe(session.id)
    expect(decodeJwt(data?.accessToken ?? '')).toMatchObject({ sid: session.id, sub: data?.user.id })
    expect(await isAlive(client)).toBe(true)
  })

  test('within the grace, refresh gives the current secret for it and for its predecessor', async () => {
    const { client } = await registerUser()
    const other = client.twin()

    await client.refresh()
    const rotated = client.secret()
    await other.refresh()
    await client.refresh()

    expect(other.secret()).toBe(rotated)
    expect(client.secret()).toBe(rotated)
  })

  test('refresh rotates the secret again after the grace', async () => {
    const { client, session } = await registerUser()
    await client.refresh()
    const first = client.secret()

    await age(session, 31)
    await client.refresh()

    expect(client.secret()).not.toBe(first)
    expect(await isAlive(client)).toBe(true)
  })

  test('reuse of the predecessor after the grace is theft and ends the session', async () => {
    const { client, session } = await registerUser()
    const thief = client.twin()
    await client.refresh()

    await age(session, 31)
    const theft = await thief.refresh()
    const owner = await client.refresh()

    expect(theft).toMatchObject({ code: 'REFRESH_REUSED', status: adapter === 'REST' ? 401 : 200 })
    expect(owner).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'REVOKED' })
    expect(await server.sql`select from sessions where id = ${session.id}`).toHaveLength(0)
  })

  test('reuse of an older secret is theft, within the grace too', async () => {
    const { client, session } = await registerUser()
    const thief = client.twin()
    await client.refresh()
    await age(session, 31)
    await client.refresh()

    expect((await thief.refresh()).code).toBe('REFRESH_REUSED')
    expect(await isAlive(client)).toBe(false)
  })

  test('a forged secret is not theft, even when it names a live session', async () => {
    const { client, session } = await registerUser()
    const bytes = Buffer.from((client.secret() ?? '').replace(/^.*=/, ''), 'base64url')
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
    const invented = bytes.toString('base64url')
    const forger = server.client(adapter, transport)
    Object.assign(forger.kept, { cookie: `__Host-servauth=${invented}`, refreshToken: invented })

    expect(await forger.refresh()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
    expect(await server.sql`select from sessions where id = ${session.id}`).toHaveLength(1)
    expect(await isAlive(client)).toBe(true)
  })

  test('a session ends with its idle life, which refresh renews, or its absolute life', async () => {
    const { client, session } = await registerUser()
    await age(session, 6 * 86_400)
    await client.refresh()
    await age(session, 6 * 86_400)
    const renewed = await client.refresh()
    await age(session, 6 * 86_400)
    await client.refresh()
    await age(session, 6 * 86_400)
    const nearTheEnd = await client.refresh()
    await age(session, 6 * 86_400 + 1)

    expect(renewed.data).not.toBeNull()
    const created = Date.parse(nearTheEnd.data?.session.createdAt ?? '')
    expect(Date.parse(nearTheEnd.data?.session.expiresAt ?? '') - created).toBe(30 * 86_400_000)
    expect(await client.refresh()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'EXPIRED' })
    expect(await client.me()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'EXPIRED' })
  })

  test('refresh answers with the current data of the user', async () => {
    const { client } = await registerUser()
    const { data } = await client.me()
    await server.sql`update users set username = 'Changed elsewhere' where id = ${data?.id ?? ''}`

    expect((await client.refresh()).data?.user.username).toBe('Changed elsewhere')
  })

  test('refresh refuses a secret that is sent by the other transport', async () => {
    const { client } = await registerUser()
    const secret = (client.secret() ?? '').replace(/^.*=/, '')
    const other = server.client(adapter, transport === 'COOKIE' ? 'TOKEN' : 'COOKIE')
    Object.assign(other.kept, {
      refreshToken: secret,
      cookie: transport === 'TOKEN' ? `__Host-servauth=${secret}` : null,
    })

    expect(await other.refresh()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
    expect(await isAlive(client)).toBe(true)
  })

  test('refresh without a secret is MISSING, with an access token INVALID', async () => {
    const { client } = await registerUser()
    const nothing = { cookie: null, bearer: null }

    const missing = await client.call('refresh', undefined, nothing)
    const access = await client.call('refresh', { refreshToken: client.kept.accessToken }, nothing)

    expect(missing).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'MISSING' })
    expect(access).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
  })

  test('50 refreshes at once with lost replies leave one lineage and sign no client out', async () => {
    const { client, session } = await registerUser()

    for (let round = 0; round < 4; round++) {
      const before = client.secret()
      const tabs = Array.from({ length: 50 }, () => client.twin())
      const answers = await Promise.all(tabs.map((tab) => tab.refresh()))
      const replied = tabs.filter((_, index) => index % 3 !== 0)

      expect(answers.map(({ code }) => code)).toEqual(Array(50).fill(undefined))
      expect(new Set(tabs.map((tab) => tab.secret())).size).toBe(1)
      // In one round no reply arrives: the client retries with the secret that it has.
      if (round !== 1) Object.assign(client.kept, replied[round]?.kept)
      else expect((await client.refresh()).data).not.toBeNull()
      expect(client.secret()).not.toBe(before)
      await age(session, 31)
    }

    expect(await isAlive(client)).toBe(true)
    expect(await server.sql`select from sessions where id = ${session.id}`).toHaveLength(1)
  })
})

test('refresh by REST takes the refresh token as the bearer', async () => {
  const { client } = await server.registerUser()

  const { data } = await client.call('refresh', undefined, { bearer: client.kept.refreshToken })

  expect(data?.refreshToken).toBeTruthy()
})

test.each(ADAPTERS)('refresh by %s uses the cookie beside an access token', async (adapter) => {
  const { client } = await server.registerUser(adapter, 'COOKIE')

  const { data } = await client.call('refresh', undefined, { bearer: client.kept.accessToken })

  expect(data).not.toBeNull()
})
