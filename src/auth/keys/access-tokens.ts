import { errors, importJWK, type JSONWebKeySet, type JWK, jwtVerify, SignJWT } from 'jose'
import type { Env } from '../../env.ts'
import { unauthenticated } from '../../errors.ts'
import type { BetterAuth } from '../better-auth/better-auth.ts'

export type AccessTokens = ReturnType<typeof createAccessTokens>

type SigningKey = Awaited<ReturnType<BetterAuth['api']['getSigningKey']>>
type PublicKey = Exclude<Awaited<ReturnType<typeof importJWK>>, Uint8Array>
/** A retired key is not published, and proves only that a token is an old one. */
type KnownKey = { jwk: JWK; key: PublicKey; retired: boolean }
type Settings = Pick<Env, 'PUBLIC_URL' | 'ACCESS_TOKEN_AUDIENCE' | 'ACCESS_TOKEN_SECONDS'>

/** How long a key that was read is used before the table is asked again. */
const KEY_MS = 60_000
/** An unknown key id asks the table at most this often, whoever sends it. */
const MISS_MS = 1000

/**
 * Access tokens: EdDSA JWTs in the profile of RFC 9068 with nothing about the person in them.
 * The keys are Better-Auth's; they are held in memory, since reading one costs more than a signature.
 */
export function createAccessTokens(api: BetterAuth['api'], settings: Settings) {
  const expected = {
    algorithms: ['EdDSA'],
    typ: 'at+jwt',
    issuer: settings.PUBLIC_URL,
    audience: settings.ACCESS_TOKEN_AUDIENCE,
    requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'sid'],
  }
  const signingKey = remembered(KEY_MS, () => api.getSigningKey())
  const publicKeys = remembered(KEY_MS, async () => {
    const keys = await api.getPublicKeys()
    return new Map(await Promise.all(keys.map(imported)))
  })

  async function publicKey(kid: string | undefined) {
    const key = (await publicKeys()).get(kid ?? '') ?? (await publicKeys(MISS_MS)).get(kid ?? '')
    if (!key) throw unauthenticated('INVALID')
    return key
  }

  async function claims(token: string, tolerance: number) {
    if (!isCanonical(token)) throw unauthenticated('INVALID')
    try {
      const { payload, protectedHeader } = await jwtVerify<{ sid: string }>(
        token,
        async ({ kid }) => (await publicKey(kid)).key,
        { ...expected, clockTolerance: tolerance },
      )
      const secondsLeft = (payload.exp ?? 0) - Date.now() / 1000
      // What a retired key signed has expired long since: else it was signed later, by somebody else.
      const { retired } = await publicKey(protectedHeader.kid)
      if (retired && secondsLeft > 0) throw unauthenticated('INVALID')
      return { userId: payload.sub ?? '', sessionId: payload.sid, secondsLeft }
    } catch (fault) {
      if (fault instanceof errors.JWTExpired) throw unauthenticated('EXPIRED')
      if (fault instanceof errors.JOSEError || fault instanceof SyntaxError) throw unauthenticated('INVALID')
      throw fault
    }
  }

  return {
    /** @returns the token and the moment it ends, to the second as JWTs count. */
    async issue({ userId, sessionId }: { userId: string; sessionId: string }) {
      const { kid, alg, privateKey }: SigningKey = await signingKey()
      const issuedAt = Math.floor(Date.now() / 1000)
      const expiresAt = issuedAt + settings.ACCESS_TOKEN_SECONDS
      const accessToken = await new SignJWT({ sid: sessionId })
        .setProtectedHeader({ alg, kid, typ: 'at+jwt' })
        .setIssuer(settings.PUBLIC_URL)
        .setSubject(userId)
        .setAudience(settings.ACCESS_TOKEN_AUDIENCE)
        .setJti(crypto.randomUUID())
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(privateKey)
      return { accessToken, accessTokenExpiresAt: new Date(expiresAt * 1000) }
    },

    /** @throws `UNAUTHENTICATED`, `EXPIRED` or `INVALID`. Whether the session lives is not asked here. */
    verify: (token: string) => claims(token, 0),

    /** The same for a token of any age: ending its session must still be possible. */
    verifyExpired: (token: string) => claims(token, Number.MAX_SAFE_INTEGER / 1e4),

    /** Makes the first key where there is none, and sees that the latest can be used. */
    async prepare() {
      await signingKey(0)
    },

    /** The public keys, for whoever verifies tokens without asking us (RFC 7517). */
    async published(): Promise<JSONWebKeySet> {
      const keys = [...(await publicKeys()).values()]
      return { keys: keys.filter(({ retired }) => !retired).map(({ jwk }) => jwk) }
    },
  }
}

/** One signature has one spelling: no padding, no other alphabet, no stray bits (RFC 7515, section 2). */
function isCanonical(token: string) {
  const signature = token.slice(token.lastIndexOf('.') + 1)
  return Buffer.from(signature, 'base64url').toString('base64url') === signature
}

async function imported({ jwk, retired }: { jwk: JWK; retired: boolean }): Promise<[string, KnownKey]> {
  const key = (await importJWK(jwk, 'EdDSA')) as PublicKey
  return [jwk.kid ?? '', { jwk: { ...jwk, use: 'sig' }, key, retired }]
}

/**
 * Keeps what `read` returns for a while. Concurrent calls share one reading; where a reading
 * fails, the last value serves on, so that a database that is away does not sign anybody out.
 * Who asks for a newer one than that gets the fault: what it might hold is not known.
 */
function remembered<T>(keptMs: number, read: () => Promise<T>) {
  let value: T | undefined
  let readAt = 0
  let reading: Promise<T> | undefined

  return async (oldestMs = keptMs): Promise<T> => {
    if (value !== undefined && performance.now() - readAt < oldestMs) return value
    reading ??= read()
      .then((fresh) => {
        readAt = performance.now()
        value = fresh
        return fresh
      })
      .finally(() => {
        reading = undefined
      })
    return reading.catch((fault: unknown) => {
      if (value === undefined || oldestMs < keptMs) throw fault
      return value
    })
  }
}
