import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { loadEnv } from '../src/env.ts'
import { ADAPTERS, bearer, type Client, WAYS } from './support/client.ts'
import { send } from './support/send.ts'
import { useServer } from './support/server.ts'

const server = useServer()

describe.each(WAYS)('refresh by $adapter with $transport', ({ adapter, transport }) => {
  async function signedIn() {
    const client = server.client(adapter, transport)
    const { data } = await client.register()
    return { client, sessionId: data?.session.id ?? '' }
  }

  /** Lets time pass for a session, as its own clock sees it. */
  const age = (id: string, seconds: number) => server.sql`
    update sessions set
      rotated_at = rotated_at - make_interval(secs => ${seconds}),
      token_used_at = token_used_at - make_interval(secs => ${seconds}),
      created_at = created_at - make_interval(secs => ${seconds}),
      expires_at = expires_at - make_interval(secs => ${seconds})
    where id = ${id}`

  const isAlive = async (client: Client) => (await client.me()).data !== null

  test('refresh gives a new access token of the same session, and rotates one that never rotated', async () => {
    const { client, sessionId } = await signedIn()
    const [secret, accessToken] = [client.secret(), client.kept.accessToken]

    const { data } = await client.refresh()

    expect(client.secret()).not.toBe(secret)
    expect(data?.accessToken).not.toBe(accessToken)
    expect(data?.session.id).toBe(sessionId)
    expect(decodeJwt(data?.accessToken ?? '')).toMatchObject({ sid: sessionId, sub: data?.user.id })
    expect(await isAlive(client)).toBe(true)
  })

  test('refresh rotates once in the grace, and answers predecessor and current with the current one', async () => {
    const { client } = await signedIn()
    const other = client.twin()

    await client.refresh()
    const rotated = client.secret()
    await other.refresh()
    await client.refresh()

    expect(other.secret()).toBe(rotated)
    expect(client.secret()).toBe(rotated)
  })

  test('refresh rotates again after the grace', async () => {
    const { client, sessionId } = await signedIn()
    await client.refresh()
    const first = client.secret()

    await age(sessionId, 31)
    await client.refresh()

    expect(client.secret()).not.toBe(first)
    expect(await isAlive(client)).toBe(true)
  })

  test('a predecessor that is used long after its successor was used is theft and ends the session', async () => {
    const { client, sessionId } = await signedIn()
    const thief = client.twin()
    await client.refresh()
    await client.refresh()

    await age(sessionId, 31)
    const theft = await thief.refresh()
    const owner = await client.refresh()

    expect(theft).toMatchObject({ code: 'REFRESH_REUSED', status: adapter === 'REST' ? 401 : 200 })
    expect(owner).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'REVOKED' })
    expect(await server.sql`select from sessions where id = ${sessionId}`).toHaveLength(0)
  })

  test('a reply that is lost for hours, again and again, signs no client out', async () => {
    const { client, sessionId } = await signedIn()
    const lost = client.twin()
    await lost.refresh()
    await age(sessionId, 6 * 3600)
    await client.twin().refresh()
    await age(sessionId, 6 * 3600)

    const { data } = await client.refresh()

    expect(data?.session.id).toBe(sessionId)
    expect(client.secret()).toBe(lost.secret())
    expect(await isAlive(client)).toBe(true)
  })

  test('a predecessor stays valid for the grace after the first use of its successor, however late', async () => {
    const { client, sessionId } = await signedIn()
    const thief = client.twin()
    await client.twin().refresh()
    await age(sessionId, 3600)
    await client.refresh()
    const current = client.secret()
    await client.refresh()

    await age(sessionId, 20)
    const inGrace = await thief.twin().refresh()
    await age(sessionId, 11)
    const later = await thief.refresh()

    expect(client.secret()).toBe(current)
    expect(inGrace.data).not.toBeNull()
    expect(later.code).toBe('REFRESH_REUSED')
  })

  test('after a lost reply several tabs refresh at once, and the secret of a slow tab is still valid', async () => {
    const { client, sessionId } = await signedIn()
    await client.twin().refresh()
    await age(sessionId, 3600)
    const [slow, fast] = [client.twin(), client.twin()]

    await fast.refresh()
    await fast.refresh()
    const { data } = await slow.refresh()

    expect(data).not.toBeNull()
    expect(slow.secret()).toBe(fast.secret())
    await age(sessionId, 31)
    await fast.refresh()
    expect(fast.secret()).not.toBe(slow.secret())
  })

  test('a first use that an older version of the server has recorded does not count', async () => {
    const { client, sessionId } = await signedIn()
    await client.twin().refresh()
    await age(sessionId, 3600)
    await server.sql`update sessions set token_used_at = rotated_at - interval '1 second' where id = ${sessionId}`

    expect((await client.refresh()).data).not.toBeNull()
  })

  test('an older token of the lineage is theft, also within the grace', async () => {
    const { client, sessionId } = await signedIn()
    const thief = client.twin()
    await client.refresh()
    await age(sessionId, 31)
    await client.refresh()

    expect((await thief.refresh()).code).toBe('REFRESH_REUSED')
    expect(await isAlive(client)).toBe(false)
  })

  test('a new password forgets the first use of the old secret', async () => {
    const { client, sessionId } = await signedIn()
    await client.refresh()
    await client.refresh()

    await client.changePassword({
      currentPassword: 'correct horse battery',
      newPassword: 'another long enough phrase',
    })

    expect(await server.sql`select token_used_at from sessions where id = ${sessionId}`).toEqual([
      { token_used_at: null },
    ])
  })

  test('a forged secret is not theft, even when it names a live session', async () => {
    const { client, sessionId } = await signedIn()
    const bytes = Buffer.from((client.secret() ?? '').replace(/^.*=/, ''), 'base64url')
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
    const invented = bytes.toString('base64url')
    const forger = server.client(adapter, transport)
    Object.assign(forger.kept, { cookie: `__Host-servauth=${invented}`, refreshToken: invented })

    expect(await forger.refresh()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
    expect(await server.sql`select from sessions where id = ${sessionId}`).toHaveLength(1)
    expect(await isAlive(client)).toBe(true)
  })

  test('a session ends with its idle life, which refresh renews, or its absolute life', async () => {
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

  test('refresh reads the user again', async () => {
    const { client } = await signedIn()
    const { data } = await client.me()
    await server.sql`update users set username = 'Changed elsewhere' where id = ${data?.id ?? ''}`

    expect((await client.refresh()).data?.user.username).toBe('Changed elsewhere')
  })

  test('refresh refuses a secret by the transport that its session did not choose', async () => {
    const { client } = await signedIn()
    const secret = (client.secret() ?? '').replace(/^.*=/, '')
    const other = server.client(adapter, transport === 'COOKIE' ? 'TOKEN' : 'COOKIE')
    Object.assign(other.kept, {
      refreshToken: secret,
      cookie: transport === 'TOKEN' ? `__Host-servauth=${secret}` : null,
    })

    expect(await other.refresh()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
    expect(await isAlive(client)).toBe(true)
  })

  test('refresh without a token is MISSING, and with an access token INVALID', async () => {
    const { client } = await signedIn()
    const nothing = { cookie: null, bearer: null }

    const missing = await client.call('refresh', undefined, nothing)
    const access = await client.call('refresh', { refreshToken: client.kept.accessToken }, nothing)

    expect(missing).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'MISSING' })
    expect(access).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
  })

  test('50 refreshes at once with some lost replies end in one live lineage and sign no client out', async () => {
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

describe.each(ADAPTERS)('the cookie of a request by %s', (adapter) => {
  async function rotatedSession() {
    const client = server.client(adapter, 'COOKIE')
    const { data } = await client.register()
    const former = client.twin()
    await client.refresh()
    return { client, former, id: data?.session.id ?? '' }
  }
  const age = async (id: string, seconds: number) => {
    await server.sql`
      update sessions set
        rotated_at = rotated_at - make_interval(secs => ${seconds}),
        token_used_at = token_used_at - make_interval(secs => ${seconds}),
        authenticated_at = authenticated_at - make_interval(secs => ${seconds})
      where id = ${id}`
    await server.catchUp()
  }
  const firstUse = async (id: string) => {
    const [row] = await server.sql`
      select token_used_at as "usedAt", xmin::text as version from sessions where id = ${id}`
    return row
  }

  test('a cookie that comes twice is no credential, in whatever order', async () => {
    const client = server.client(adapter, 'COOKIE')
    await client.register()
    const [own, other] = [client.kept.cookie, '__Host-servauth=x']

    for (const cookie of [`${own}; ${other}`, `${other}; ${own}`]) {
      expect((await client.call('me', undefined, { cookie })).data).toBeNull()
      expect(await client.call('refresh', undefined, { cookie })).toMatchObject({ reason: 'MISSING' })
    }
    expect((await client.me()).code).toBeUndefined()
  })

  test('a predecessor is accepted until the current cookie is used, and for the grace after that', async () => {
    const { client, former, id } = await rotatedSession()
    await age(id, 6 * 3600)
    const unused = await former.me()
    await client.me()
    const inGrace = await former.me()
    await age(id, 31)

    expect(unused.data).not.toBeNull()
    expect(inGrace.data).not.toBeNull()
    expect(await former.me()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'REVOKED' })
    expect((await client.me()).data).not.toBeNull()
  })

  test.each(['me', 'sessions', 'revokeOtherSessions'] as const)(
    'the first %s with a cookie makes later use of its predecessor theft',
    async (operation) => {
      const { client, former, id } = await rotatedSession()
      await client.call(operation)
      await age(id, 31)

      expect((await former.refresh()).code).toBe('REFRESH_REUSED')
      expect((await client.me()).reason).toBe('REVOKED')
    },
  )

  test('only the first use of a cookie is written, and never the use of a predecessor', async () => {
    const { client, former, id } = await rotatedSession()
    await former.me()
    const before = await firstUse(id)
    await Promise.all([client.me(), client.sessions(), client.revokeOtherSessions(), former.me()])
    const after = await firstUse(id)
    await server.restart()
    await client.me()
    await client.revokeOtherSessions()
    await client.refresh()
    await former.refresh()

    expect(before?.usedAt).toBeNull()
    expect(after?.usedAt).not.toBeNull()
    expect((await firstUse(id))?.usedAt).toEqual(after?.usedAt)
  })

  test('the use of a cookie that never rotated is not written', async () => {
    const client = server.client(adapter, 'COOKIE')
    const { data } = await client.register()
    const before = await firstUse(data?.session.id ?? '')
    await client.me()
    await client.revokeOtherSessions()

    expect(await firstUse(data?.session.id ?? '')).toEqual(before)
  })
})

test('a shorter maximum ends an older session at its next refresh', async () => {
  const { client, session } = await server.registerUser('REST')
  await server.sql`update sessions set created_at = created_at - interval '2 hours' where id = ${session.id}`
  const headers = bearer(client.kept.refreshToken)

  const shortened = await server.startReplica(loadEnv({ ...server.env, SESSION_MAX_SECONDS: '3600' }))
  const refused = await send(shortened.app, '/auth/refresh', { method: 'POST', headers }, null)

  expect(await refused.json()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'EXPIRED' })
  expect((await client.refresh()).data).not.toBeNull()
})

test('REST takes the refresh token as the bearer', async () => {
  const client = server.client('REST', 'TOKEN')
  await client.register()

  const { data } = await client.call('refresh', undefined, { bearer: client.kept.refreshToken })

  expect(data?.refreshToken).toBeTruthy()
})

test.each(['REST', 'GraphQL'] as const)(
  '%s refreshes by the cookie if the access token has expired',
  async (adapter) => {
    const client = server.client(adapter, 'COOKIE')
    await client.register()

    const { data } = await client.call('refresh', undefined, { bearer: client.kept.accessToken })

    expect(data).not.toBeNull()
  },
)
