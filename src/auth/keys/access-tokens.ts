import { errors, importJWK, type JSONWebKeySet, type JWK, type JWTHeaderParameters, jwtVerify } from 'jose'
import { z } from 'zod'
import type { Time } from '../../contract/outputs/fields.ts'
import type { Env } from '../../env.ts'
import { type Acr, unauthenticated } from '../../errors.ts'
import { MAX_ACCESS_TOKEN_SECONDS, TOKEN_ALGORITHMS, TOKEN_TYPES } from '../../settings/credentials.ts'
import type { BetterAuth } from '../better-auth/better-auth.ts'
import { createLastKnown } from './last-known.ts'
import type { ClaimedUser, TokenClaims } from './token-claims.ts'
import { createTokenSigner } from './token-signature.ts'

export type AccessTokens = ReturnType<typeof createAccessTokens>

type PublicKey = Exclude<Awaited<ReturnType<typeof importJWK>>, Uint8Array>
/** A retired key is not published. It only proves that a token is old. */
type KnownKey = { jwk: JWK; key: PublicKey; retired: boolean }
type Settings = Pick<
  Env,
  'PUBLIC_URL' | 'ACCESS_TOKEN_ALG' | 'ACCESS_TOKEN_AUDIENCE' | 'ACCESS_TOKEN_SECONDS' | 'ACCESS_TOKEN_TYP'
>
/** How the session was authenticated becomes the claims of RFC 9068, section 2.2.1. */
type Subject = {
  user: ClaimedUser
  sessionId: string
  sessionExpiresAt: Time
  authenticatedAt: Time
  amr: string[]
  acr: Acr
  /** Whether the session lacks the second factor that this server requires. Then no other service accepts the token. */
  isForEnrollment: boolean
}

/** The audience of a token that only enrols a second factor: this server alone. */
const toEnrollmentAudience = ({ PUBLIC_URL }: Settings) => `${PUBLIC_URL}/auth/factors`

/** The `client_id` of every token (RFC 9068, section 2.2): all clients are those of the operator. */
const CLIENT_ID = 'servauth'

/** Requests with an unknown key id make the server read the keys again, but not more often than this. */
const MIN_REREAD_INTERVAL_MS = 1000

/** How far the clocks of replicas may differ. A token that was issued later than that was not issued by this server. */
const MAX_CLOCK_DIFFERENCE_SECONDS = 3600

const FOREVER_SECONDS = Number.MAX_SAFE_INTEGER / 1e4

/**
 * The claims as this server writes them, which the library does not check: it accepts an `exp` of 1e999, which JSON reads
 * as infinite. Other claims are ignored, because a newer version of the server may add some.
 */
const Claims = z
  .object({
    sub: z.guid(),
    sid: z.guid(),
    jti: z.string().min(1),
    aud: z.union([z.string().transform((name) => [name]), z.array(z.string())]),
    iat: z.int().min(0),
    exp: z.int(),
    // An older version of the server does not write it. Then the token shows no proof.
    auth_time: z.int().min(0).default(0),
    claims_at: z.int().optional(),
    scope: z.string().optional(),
  })
  .refine(({ iat, exp }) => exp > iat && exp - iat <= MAX_ACCESS_TOKEN_SECONDS)
  .refine(({ iat }) => iat - Date.now() / 1000 < MAX_CLOCK_DIFFERENCE_SECONDS)

/**
 * Access tokens: JWTs in the profile of RFC 9068, without data about the person. Better-Auth creates the keys.
 * They are cached, because reading one costs more than a signature. If the database is down, they stay in use.
 */
export function createAccessTokens(api: BetterAuth['api'], settings: Settings, tokenClaims: TokenClaims) {
  const verifyOptions = {
    algorithms: [...TOKEN_ALGORITHMS],
    issuer: settings.PUBLIC_URL,
    requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'sid'],
  }
  const signer = createLastKnown(async () =>
    createTokenSigner(await api.getSigningKey(), settings.ACCESS_TOKEN_TYP),
  )
  const publicKeys = createLastKnown<Map<string, KnownKey>>(
    async () => new Map(await Promise.all((await api.getPublicKeys()).map(importKey))),
  )
  const audiences = new Set([...settings.ACCESS_TOKEN_AUDIENCE, toEnrollmentAudience(settings)])
  const [onlyAudience, ...otherAudiences] = settings.ACCESS_TOKEN_AUDIENCE
  const audience = otherAudiences.length > 0 ? settings.ACCESS_TOKEN_AUDIENCE : (onlyAudience ?? [])

  async function findPublicKey(kid = '') {
    const known = (await publicKeys.get()).get(kid)
    if (known) return known
    const wasReadNow = publicKeys.ageMs() < MIN_REREAD_INTERVAL_MS
    const key = (await (wasReadNow ? publicKeys.get() : publicKeys.getUncached())).get(kid)
    if (!key) throw unauthenticated('INVALID')
    return key
  }

  /** The key has one algorithm, and the header of a token cannot choose another (RFC 8725, section 3.1). */
  async function findKeyFor({ kid, alg, typ }: JWTHeaderParameters) {
    const { jwk, key } = await findPublicKey(kid)
    if (alg !== jwk.alg || !isTokenType(typ)) throw unauthenticated('INVALID')
    return key
  }

  async function readClaims(token: string, acceptsExpired: boolean) {
    if (!isCanonical(token)) throw unauthenticated('INVALID')
    try {
      const options = acceptsExpired ? { ...verifyOptions, clockTolerance: FOREVER_SECONDS } : verifyOptions
      const { payload, protectedHeader } = await jwtVerify(token, findKeyFor, options)
      const { success, data: claims } = Claims.safeParse(payload)
      if (!success) throw unauthenticated('INVALID')
      const secondsLeft = claims.exp - Date.now() / 1000
      // All tokens of a retired key have expired. One that has not expired was signed later, with a stolen key.
      const { retired } = await findPublicKey(protectedHeader.kid)
      if (retired && secondsLeft > 0) throw unauthenticated('INVALID')
      // Of a former setting. A refresh brings a token that has the present one.
      if (!acceptsExpired && !claims.aud.some((name) => audiences.has(name))) {
        throw unauthenticated('EXPIRED')
      }
      return {
        userId: claims.sub,
        sessionId: claims.sid,
        authenticatedAt: claims.auth_time,
        claims,
        secondsLeft,
      }
    } catch (fault) {
      throw toRefusal(fault)
    }
  }

  return {
    /** @returns the token and the time when it expires, in whole seconds as JWTs count: no later than its session. */
    async issue({ user, sessionId, sessionExpiresAt, authenticatedAt, amr, acr, isForEnrollment }: Subject) {
      const known = signer.get()
      const sign = known instanceof Promise ? await known : known
      const said = tokenClaims.of(user)
      const claims = said instanceof Promise ? await said : said
      const issuedAt = Math.floor(Date.now() / 1000)
      const sessionEnd = toSeconds(sessionExpiresAt)
      const expiresAt = Math.max(issuedAt + 1, Math.min(issuedAt + settings.ACCESS_TOKEN_SECONDS, sessionEnd))
      const accessToken = await sign({
        ...claims,
        sid: sessionId,
        client_id: CLIENT_ID,
        auth_time: toSeconds(authenticatedAt),
        amr,
        acr,
        iss: settings.PUBLIC_URL,
        sub: user.id,
        aud: isForEnrollment ? toEnrollmentAudience(settings) : audience,
        jti: crypto.randomUUID(),
        iat: issuedAt,
        exp: expiresAt,
      })
      // A text: an answer with a Date in it is serialised in four times the time.
      return { accessToken, accessTokenExpiresAt: new Date(expiresAt * 1000).toISOString() }
    },

    /** Does not check that the session is live. @throws `UNAUTHENTICATED`, with `EXPIRED` or `INVALID` */
    verify: (token: string) => readClaims(token, false),

    /** Accepts expired tokens too, so that a client can still log out. */
    verifyExpired: (token: string) => readClaims(token, true),

    /**
     * Creates the first key if there is none, and checks that the signing key can be decrypted. If the newest key has
     * another algorithm than the setting, adds a key, which signs after the usual lead.
     */
    async prepare() {
      if (settings.ACCESS_TOKEN_ALG) await api.followAlgorithm()
      await signer.getUncached()
    },

    /** The public keys, for services that verify tokens by themselves (RFC 7517). */
    async listPublished(): Promise<JSONWebKeySet> {
      const keys = [...(await publicKeys.get()).values()]
      return { keys: keys.filter(({ retired }) => !retired).map(({ jwk }) => jwk) }
    },
  }
}

/** What the library refuses, as an error of this server. */
function toRefusal(fault: unknown) {
  if (fault instanceof errors.JWTExpired) return unauthenticated('EXPIRED')
  return fault instanceof errors.JOSEError || fault instanceof SyntaxError
    ? unauthenticated('INVALID')
    : fault
}

const toSeconds = (time: Time) => Math.floor(new Date(time).getTime() / 1000)

/** Accepts one spelling of a signature only: no padding, no other alphabet, no stray bits (RFC 7515, section 2). */
function isCanonical(token: string) {
  const signature = token.slice(token.lastIndexOf('.') + 1)
  return Buffer.from(signature, 'base64url').toString('base64url') === signature
}

/** Accepts both types, so that a change of the setting refuses no token. The keys sign nothing but access tokens. */
const isTokenType = (typ: unknown) => TOKEN_TYPES.some((type) => type === typ)

async function importKey({ jwk, retired }: { jwk: JWK; retired: boolean }): Promise<[string, KnownKey]> {
  const key = (await importJWK(jwk)) as PublicKey
  return [jwk.kid ?? '', { jwk: { ...jwk, use: 'sig' }, key, retired }]
}
