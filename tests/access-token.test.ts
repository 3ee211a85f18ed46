import { symmetricDecrypt } from 'better-auth/crypto'
import {
  CompactSign,
  createLocalJWKSet,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  importJWK,
  jwtVerify,
  SignJWT,
} from 'jose'
import { describe, expect, test } from 'vitest'
import { ADAPTERS } from './support/client.ts'
import { publishedKeys } from './support/published-keys.ts'
import { ORIGIN, startServer, useServer } from './support/server.ts'
import { pause } from './support/time.ts'

const server = useServer({ ACCESS_TOKEN_AUDIENCE: 'https://api.example.com' })

/** The access token of a new user, and the keys that it verifies against. */
async function issueToken() {
  const { client, user, session } = await server.registerUser()
  const keys = await publishedKeys(server)
  return { token: client.kept.accessToken ?? '', keys, userId: user.id, sessionId: session.id }
}

test('an access token verifies against the published keys, the issuer and the audience', async () => {
  const { token, keys, userId, sessionId } = await issueToken()

  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(keys), {
    issuer: ORIGIN,
    audience: 'https://api.example.com',
    typ: 'at+jwt',
  })

  expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: keys.keys[0]?.kid })
  const claims = 'acr amr aud auth_time client_id exp iat iss jti sid sub'
  expect(Object.keys(payload).sort()).toEqual(claims.split(' '))
  expect(payload).toMatchObject({ acr: 'aal1', amr: ['pwd'], auth_time: expect.any(Number) })
  expect(payload).toMatchObject({ sub: userId, sid: sessionId })
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900)
})

test('the published keys have no private part', async () => {
  const { keys } = await issueToken()

  expect(Object.keys(keys.keys[0] ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

describe.each(ADAPTERS)('access tokens by %s', (adapter) => {
  const present = async (token: string) => {
    const { code, reason } = await server.client(adapter).call('me', undefined, { bearer: token })
    return [code, reason]
  }

  test('an expired access token is refused as EXPIRED', async () => {
    const shortLived = await startServer({ ACCESS_TOKEN_SECONDS: '5' })
    const { client } = await shortLived.registerUser(adapter)
    const before = await client.me()
    await pause(6000)

    expect(before.data).not.toBeNull()
    expect(await client.me()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'EXPIRED' })
    expect((await client.refresh()).data).not.toBeNull()
    expect((await client.me()).data).not.toBeNull()
  })

  test('a forged access token is refused as INVALID', async () => {
    const { token, userId, sessionId, keys } = await issueToken()
    const { kid = '' } = decodeProtectedHeader(token)
    const [head = '', body = '', signature = ''] = token.split('.')
    const claims = { sid: sessionId, sub: userId, iss: ORIGIN, aud: 'https://api.example.com', jti: 'x' }
    const foreign = await generateKeyPair('ES256')
    const foreignJwk = await exportJWK(foreign.publicKey)
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const sign = (header: object, key: Parameters<SignJWT['sign']>[0]) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header })
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(key)
    const publicKeyAsSecret = new TextEncoder().encode(keys.keys[0]?.x)

    const forgeries = {
      'another signature': `${head}.${body}.${signature.split('').reverse().join('')}`,
      'another spelling of the signature': `${token.slice(0, -1)}${String.fromCharCode(token.charCodeAt(token.length - 1) + 1)}`,
      'another body': `${head}.${encode({ ...claims, sub: crypto.randomUUID() })}.${signature}`,
      'no algorithm': `${encode({ alg: 'none', typ: 'at+jwt' })}.${body}.`,
      'a foreign key': await sign({}, foreign.privateKey),
      'a foreign key in the header': await sign({ jwk: foreignJwk }, foreign.privateKey),
      'an unknown key id': await sign({ kid: crypto.randomUUID() }, foreign.privateKey),
      'a key id that is SQL': await sign({ kid: "' or 1=1 --" }, foreign.privateKey),
      'the public key as a shared secret': await sign({ alg: 'HS256' }, publicKeyAsSecret),
      'two parts': `${head}.${body}`,
      empty: '',
      'not a token at all': '🦊.🦊.🦊',
    }

    for (const [name, forgery] of Object.entries(forgeries)) {
      const header = name === 'not a token at all' ? encodeURIComponent(forgery) : forgery
      expect([name, ...(await present(header))]).toEqual([name, 'UNAUTHENTICATED', 'INVALID'])
    }
  })

  describe('with the key of this server', () => {
    /** Signs a payload as it is written, with the key in the table. */
    async function sign(payload: string) {
      const [row] = await server.sql<{ id: string; private_key: string }[]>`select id, private_key from jwks`
      const data = JSON.parse(row?.private_key ?? '')
      const key = JSON.parse(await symmetricDecrypt({ key: server.env.AUTH_SECRET, data }))
      return new CompactSign(new TextEncoder().encode(payload))
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: row?.id ?? '' })
        .sign(await importJWK(key, 'ES256'))
    }
    async function createClaims() {
      const { userId, sessionId } = await issueToken()
      const iat = Math.floor(Date.now() / 1000)
      const aud = 'https://api.example.com'
      return { iss: ORIGIN, aud, sub: userId, sid: sessionId, jti: crypto.randomUUID(), iat, exp: iat + 900 }
    }

    test('an access token with the claims of this server is accepted', async () => {
      expect(await present(await sign(JSON.stringify(await createClaims())))).toEqual([undefined, undefined])
    })

    const now = Math.floor(Date.now() / 1000)
    test.each([
      ['exp', '1e999', now],
      ['exp', '1e300', now],
      ['exp', `${now + 900}.5`, now],
      ['exp', `${now + 3700}`, now],
      ['exp', `"${now + 900}"`, now],
      ['exp', 'null', now],
      ['exp', `[${now + 900}]`, now],
      ['iat', '1e999', now],
      ['iat', '-1e999', now],
      ['iat', `"${now}"`, now],
      ['iat', `${now - 3600}`, now],
      ['iat', `${now + 7200}`, now + 7200],
      ['iat', 'null', now],
      ['nbf', '1e999', now],
      ['nbf', `"${now}"`, now],
      ['sid', '""', now],
      ['sid', '"x"', now],
      ['sid', '5', now],
      ['sid', 'null', now],
      ['sid', '{}', now],
      ['sid', '["00000000-0000-4000-8000-000000000000"]', now],
      ['sid', '"00000000-0000-4000-8000-00000000000\\u0000"', now],
      ['sub', '""', now],
      ['sub', '"x"', now],
      ['sub', '5', now],
      ['sub', 'null', now],
      ['sub', '["00000000-0000-4000-8000-000000000000"]', now],
      ['jti', '""', now],
      ['jti', '5', now],
      ['jti', 'null', now],
      ['iss', '["https://auth.example.com"]', now],
      ['aud', '5', now],
      ['aud', '{}', now],
    ])('an access token with the claim %s %s is refused as INVALID', async (name, value, iat) => {
      const claims = { ...(await createClaims()), iat, exp: iat + 900, [name]: '@' }
      const token = await sign(JSON.stringify(claims).replace('"@"', value))

      expect(await present(token)).toEqual(['UNAUTHENTICATED', 'INVALID'])
      const client = server.client(adapter)
      expect((await client.call('logout', undefined, { bearer: token })).code).toBeUndefined()
      expect((await client.call('updateMe', { username: 'x' }, { bearer: token })).reason).toBe('INVALID')
    })

    test.each(['null', '[]', '5', '""', '{}', '{', ''])(
      'an access token with the payload %j is refused as INVALID',
      async (payload) => {
        expect(await present(await sign(payload))).toEqual(['UNAUTHENTICATED', 'INVALID'])
      },
    )
  })

  test('an access token of another server is refused as INVALID', async () => {
    const other = await startServer({ ACCESS_TOKEN_AUDIENCE: 'https://api.example.com' })
    const { client } = await other.registerUser()

    expect(await present(client.kept.accessToken ?? '')).toEqual(['UNAUTHENTICATED', 'INVALID'])
  })
})
