import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose'
import { boundFetch } from './bounded-fetch.ts'
import { createEnded } from './feed/ended.ts'
import { createFeed, type Fetch, type Freshness } from './feed/feed.ts'
import { Refusal, unauthenticated, unavailable } from './refusal.ts'
import { createRemembered } from './remembered.ts'

export type Verifier = ReturnType<typeof createVerifier>

/** The user and the session of an access token. `expiresAt`: when the token expires. */
export type Caller = { userId: string; sessionId: string; expiresAt: Date; claims: JWTPayload }

export type VerifierOptions = {
  /** The `PUBLIC_URL` of Servauth. */
  issuer: string
  /** Where this service reaches Servauth, if that is not the issuer. */
  url?: string | undefined
  /** This service, as in the `ACCESS_TOKEN_AUDIENCE` of Servauth. Default: the issuer. */
  audience?: string | undefined
  /** From `servauth service-key create`. Without one, `freshness` must be `token`. */
  serviceKey?: string | undefined
  /** Default: `proven`. */
  freshness?: Freshness | undefined
  /** How many verified tokens are remembered. Default: 10,000, which take about 20 MB. */
  maxTokens?: number
  /** Called when the feed is lost, and at each failed attempt to reach it. */
  onFault?: (fault: unknown) => void
  fetch?: Fetch
}

type Token = { sid: string; sub: string; iat: number }
type Remembered = Token & { caller: Caller; expiresAtMs: number }
type Watcher = { token: Token; end: () => void }

/** How long the first requests wait for the first proof. */
const MAX_FIRST_PROOF_MS = 1000
const LEEWAY_SECONDS = 30
/** A key has less than 1 KiB, and Servauth publishes a few. */
const MAX_KEY_SET_BYTES = 64 * 1024
const ALGORITHMS = ['ES256', 'RS256', 'EdDSA']
const REQUIRED_CLAIMS = ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'sid']

/**
 * Verifies access tokens of Servauth without a request for each, and refuses them within a second after they have ended:
 * by a logout, a revoked session, another password, a disabled or deleted account.
 */
export function createVerifier(options: VerifierOptions) {
  const {
    issuer,
    url = issuer,
    audience = issuer,
    serviceKey,
    freshness = 'proven',
    onFault = () => {},
  } = options
  const fetch: Fetch = options.fetch ?? ((...request) => globalThis.fetch(...request))
  if (!serviceKey && freshness === 'proven') {
    throw new TypeError("createVerifier needs a serviceKey, or freshness: 'token' to do without the feed")
  }
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', url), {
    [customFetch]: boundFetch(fetch, MAX_KEY_SET_BYTES),
  })
  const remembered = createRemembered<Remembered>(options.maxTokens ?? 10_000)
  const watchers = new Set<Watcher>()
  const ended = createEnded((isEnded) => {
    for (const { token, end } of [...watchers]) if (isEnded(token)) end()
  })
  const feed = serviceKey
    ? createFeed({
        url: new URL('/auth/revocations', url).href,
        serviceKey,
        fetch,
        onEvent: ended.take,
        onFault,
      })
    : undefined
  let wasProven = false

  /** Checks the signature and the claims (RFC 9068, section 4). */
  async function read(token: string): Promise<Remembered> {
    const known = remembered.get(token)
    if (known) return known
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      requiredClaims: REQUIRED_CLAIMS,
      clockTolerance: LEEWAY_SECONDS,
    }).catch(refuse)
    const { sub = '', sid, iat = 0, exp = 0 } = payload
    const isAccessToken = protectedHeader.typ === 'at+jwt' || protectedHeader.typ === 'JWT'
    if (!isAccessToken || typeof sid !== 'string') throw unauthenticated('INVALID')
    const caller = { userId: sub, sessionId: sid, expiresAt: new Date(exp * 1000), claims: payload }
    const verified = { caller, sid, sub, iat, expiresAtMs: (exp + LEEWAY_SECONDS) * 1000 }
    remembered.set(token, verified)
    return verified
  }

  async function waitForProof(needed: Freshness) {
    if (!feed) {
      if (needed === 'proven') throw unavailable(new Error('There is no service key'))
      return
    }
    feed.start()
    if (needed === 'token') return
    if (!wasProven) wasProven = await feed.untilProven(MAX_FIRST_PROOF_MS)
    if (!feed.isProven()) throw unavailable(new Error('The feed of revocations has no recent proof'))
  }

  function assertNotEnded(token: Remembered) {
    const reason = ended.reasonFor(token)
    if (reason) throw unauthenticated(reason)
    if (Date.now() >= token.expiresAtMs) throw unauthenticated('EXPIRED')
  }

  return {
    /**
     * The caller of an access token.
     * @throws a `Refusal`: 401 with the reason `MISSING`, `INVALID`, `EXPIRED` or `REVOKED`, or 503 while it is not known
     */
    async verify(token: string | null, { freshness: needed = freshness } = {}): Promise<Caller> {
      if (token === null) throw unauthenticated('MISSING')
      const known = remembered.get(token)
      if (known && feed?.isProven()) {
        assertNotEnded(known)
        return known.caller
      }
      const verified = known ?? (await read(token))
      await waitForProof(needed)
      // After the last wait, so that nothing that ended meanwhile is missed.
      assertNotEnded(verified)
      return verified.caller
    },

    /**
     * Calls `end` once when the token ends or expires, for connections that outlive a request.
     * @returns a function that stops watching
     */
    watch({ claims, sessionId, userId, expiresAt }: Caller, end: (reason: 'EXPIRED' | 'REVOKED') => void) {
      const token = { sid: sessionId, sub: userId, iat: claims.iat ?? 0 }
      const expiresInMs = expiresAt.getTime() + LEEWAY_SECONDS * 1000 - Date.now()
      const timer = setTimeout(() => finish('EXPIRED'), Math.max(0, expiresInMs))
      const watcher = { token, end: () => finish(ended.reasonFor(token) ?? 'REVOKED') }
      function stop() {
        clearTimeout(timer)
        watchers.delete(watcher)
      }
      function finish(reason: 'EXPIRED' | 'REVOKED') {
        stop()
        end(reason)
      }
      watchers.add(watcher)
      const reason = ended.reasonFor(token)
      if (reason) finish(reason)
      return stop
    },

    /** Whether it is known now what has ended until a second ago. */
    isProven: () => feed?.isProven() ?? false,
    /** Waits until it is known again, at most `ms`. */
    untilProven: (ms: number) => feed?.untilProven(ms) ?? Promise.resolve(false),
    freshness,
    /** Opens the feed before the first request needs it. */
    start: () => feed?.start(),
    /** Closes the feed. Tokens are refused with 503 from then on, unless their freshness is `token`. */
    close: () => feed?.close(),
  }
}

/** A fault of the token is 401. A key set that cannot be fetched is not the client's fault. */
function refuse(fault: unknown): never {
  if (fault instanceof Refusal) throw fault
  if (fault instanceof errors.JWTExpired) throw unauthenticated('EXPIRED', fault)
  const isTokenFault =
    fault instanceof errors.JOSEError &&
    /^ERR_(JWT|JWS)_|ALG_NOT_ALLOWED|NOT_SUPPORTED|NO_MATCHING_KEY/.test(fault.code)
  throw isTokenFault ? unauthenticated('INVALID', fault) : unavailable(fault)
}
