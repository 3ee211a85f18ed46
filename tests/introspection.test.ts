import { describe, expect, test } from 'vitest'
import { enrollTotp } from './support/authenticator.ts'
import { bearer } from './support/client.ts'
import { ORIGIN, startServer, useServer } from './support/server.ts'
import { createKeySetting } from './support/service-key.ts'

const { key, settings } = createKeySetting()
const server = useServer(settings)

const post = (path: string, body: Record<string, string>, headers: Record<string, string> = {}) =>
  server.fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(body).toString(),
  })
const introspect = async (token: string) => (await post('/auth/introspect', { token }, bearer(key))).json()

describe('introspection (RFC 7662)', () => {
  test('an access token is active with its claims', async () => {
    const { client, user, session } = await server.registerUser()

    const answer = await introspect(client.kept.accessToken ?? '')

    expect(answer).toMatchObject({
      active: true,
      token_type: 'Bearer',
      iss: ORIGIN,
      sub: user.id,
      sid: session.id,
      client_id: 'servauth',
    })
  })

  test('a token that is unknown, expired or ended is inactive, and nothing else is said', async () => {
    const { client } = await server.registerUser()
    const token = client.kept.accessToken ?? ''
    const before = await introspect(token)
    await client.call('logout')

    expect(before.active).toBe(true)
    for (const ended of [token, `${token}x`, 'nonsense', client.kept.refreshToken ?? 'a.b.c']) {
      expect(await introspect(ended)).toEqual({ active: false })
    }
  })

  test('a token that can only enrol the factor that this server requires is inactive', async () => {
    const strict = await startServer({ ...settings, SECOND_FACTOR: 'required' })
    const { client } = await strict.registerUser()
    const ask = async () => {
      const headers = { 'content-type': 'application/json', ...bearer(key) }
      const body = JSON.stringify({ token: client.kept.accessToken })
      return (await strict.fetch('/auth/introspect', { method: 'POST', headers, body })).json()
    }

    expect(await ask()).toEqual({ active: false })
    await enrollTotp(client)
    await client.refresh()
    expect((await ask()).active).toBe(true)
  })

  test('a token is inactive as soon as plain SQL disables its user', async () => {
    const { client, user } = await server.registerUser()
    await introspect(client.kept.accessToken ?? '')

    await server.sql`update users set disabled_at = now() where id = ${user.id}`
    await server.catchUp()

    expect(await introspect(client.kept.accessToken ?? '')).toEqual({ active: false })
  })

  test('a JSON body and the key as the password of Basic work too', async () => {
    const { client } = await server.registerUser()
    const answer = await server.fetch('/auth/introspect', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Basic ${btoa(`orders:${key}`)}` },
      body: JSON.stringify({ token: client.kept.accessToken, token_type_hint: 'access_token' }),
    })

    expect(await answer.json()).toMatchObject({ active: true })
  })

  // RFC 6749, section 2.3.1. Openid-client also encodes signs that need it nowhere, such as the `_` of a key.
  test('with Basic, the name and the key may be percent-encoded', async () => {
    const { client } = await server.registerUser()
    const encode = (text: string) => text.replace(/[^a-z]/gi, (sign) => `%${sign.charCodeAt(0).toString(16)}`)
    const token = client.kept.accessToken ?? ''

    for (const name of ['orders', '%6Frders']) {
      const authorization = `Basic ${btoa(`${name}:${encode(key)}`)}`
      expect(await (await post('/auth/introspect', { token }, { authorization })).json()).toMatchObject({
        active: true,
      })
    }
    const authorization = `Basic ${btoa(`orders:${key}%`)}`
    const refused = await post('/auth/introspect', { token }, { authorization })
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="Servauth"'])
    // It may be for a proxy on the way, and a browser would ask its user for a password.
    const elsewhere = await server.fetch('/auth/me', { headers: { authorization } })
    expect([elsewhere.status, elsewhere.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
  })

  test('without a service key it is refused, and the answer asks for one', async () => {
    const { client } = await server.registerUser()
    const token = client.kept.accessToken ?? ''
    const other = createKeySetting().key
    const wrongName = { authorization: `Basic ${btoa(`billing:${key}`)}` }

    const refused: Record<string, string>[] = [
      {},
      bearer(token),
      bearer(other),
      bearer(key.slice(0, -1)),
      wrongName,
    ]
    for (const headers of refused) {
      const answer = await post('/auth/introspect', { token }, headers)
      const challenge = headers === wrongName ? 'Basic realm="Servauth"' : 'Bearer'
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, challenge])
      expect(await answer.json()).toMatchObject({
        code: 'UNAUTHENTICATED',
        reason: headers === refused[0] ? 'MISSING' : 'INVALID',
        detail: 'This needs a valid service key.',
      })
    }
  })

  test('while the database is down it answers 503, and not that the token is inactive', async () => {
    const faulty = await startServer(settings, { hasProxy: true })
    const { client } = await faulty.registerUser()
    await faulty.restart()
    faulty.proxy.cut()

    const answer = await faulty.fetch('/auth/introspect', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer(key) },
      body: JSON.stringify({ token: client.kept.accessToken }),
    })
    faulty.proxy.restore()

    expect(answer.status).toBe(503)
  })
})

describe('revocation (RFC 7009)', () => {
  test.each(['accessToken', 'refreshToken'] as const)('an %s ends its session', async (name) => {
    const { client, user } = await server.registerUser('REST', 'TOKEN')

    const answer = await post('/auth/revoke', { token: client.kept[name] ?? '' })

    expect([answer.status, await answer.json()]).toEqual([200, {}])
    expect((await client.me()).reason).toBe('REVOKED')
    expect((await server.eventsOf(user.id)).at(-1)).toBe('logout')
  })

  test('an unknown token is no error, and a missing one is', async () => {
    expect((await post('/auth/revoke', { token: 'nonsense' })).status).toBe(200)
    expect((await post('/auth/revoke', {})).status).toBe(400)
  })

  test('a foreign page cannot send the form, and other operations take no form', async () => {
    const foreign = await post('/auth/revoke', { token: 'x' }, { origin: 'https://evil.example.com' })
    const login = await post('/auth/login', { email: 'ada@example.com', password: 'a long enough phrase' })

    expect([foreign.status, login.status]).toEqual([403, 415])
  })
})

describe('metadata', () => {
  test('both documents name the issuer, the keys and the algorithms, and no authorization endpoint', async () => {
    for (const name of ['oauth-authorization-server', 'openid-configuration']) {
      const answer = await server.fetch(`/.well-known/${name}`)
      expect(answer.headers.get('cache-control')).toBe('public, max-age=300')
      expect(await answer.json()).toEqual({
        issuer: ORIGIN,
        jwks_uri: `${ORIGIN}/.well-known/jwks.json`,
        introspection_endpoint: `${ORIGIN}/auth/introspect`,
        introspection_endpoint_auth_methods_supported: ['Bearer', 'client_secret_basic'],
        revocation_endpoint: `${ORIGIN}/auth/revoke`,
        revocation_endpoint_auth_methods_supported: ['none'],
        response_types_supported: [],
        grant_types_supported: [],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      })
    }
  })

  test('without any service key, introspection and the feed refuse every request', async () => {
    const plain = await startServer()

    const introspection = { method: 'POST', headers: bearer(key) }

    expect((await plain.fetch('/auth/introspect', introspection)).status).toBe(401)
    expect((await plain.fetch('/auth/revocations', { headers: bearer(key) })).status).toBe(401)
  })
})
