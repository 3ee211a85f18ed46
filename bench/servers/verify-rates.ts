import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import type { Fetch } from '../../packages/verify/src/feed/feed.ts'
import { createVerifier } from '../../packages/verify/src/verifier.ts'

const TOKENS = 20_000
const WARM_UP = 4000
const SLICE = 100

const { ISSUER = '', SERVAUTH_URL = '', SERVICE_KEY = '' } = process.env

const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' }] }
const localKeys = createLocalJWKSet(jwks)

/** The tokens are signed here, since the server signs one a refresh. The feed is that of the server. */
const fetchWithKeys: Fetch = async (url, init) =>
  String(url).endsWith('jwks.json') ? Response.json(jwks) : fetch(url, init)

async function signTokens() {
  const tokens: string[] = []
  for (let count = 0; count < TOKENS; count++) {
    tokens.push(
      await new SignJWT({ client_id: 'servauth', sid: crypto.randomUUID(), acr: 'aal1', amr: ['pwd'] })
        .setProtectedHeader({ alg: 'ES256', kid: 'bench', typ: 'at+jwt' })
        .setIssuer(ISSUER)
        .setAudience(ISSUER)
        .setSubject(crypto.randomUUID())
        .setJti(crypto.randomUUID())
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey),
    )
  }
  return tokens
}

const verifier = createVerifier({
  issuer: ISSUER,
  url: SERVAUTH_URL,
  serviceKey: SERVICE_KEY,
  fetch: fetchWithKeys,
  maxTokens: 2 * TOKENS + 2,
})
const bare = (token: string) =>
  jwtVerify(token, localKeys, { issuer: ISSUER, audience: ISSUER, algorithms: ['ES256'], typ: 'at+jwt' })

const WAYS = { bare, new: verifier.verify, remembered: verifier.verify }
const spent = { bare: 0, new: 0, remembered: 0 }

async function measure(way: keyof typeof WAYS, tokens: string[]) {
  // The feed is read between slices, as it is between the requests of a service.
  await verifier.untilProven(10_000)
  const beganAt = performance.now()
  for (const token of tokens) await WAYS[way](token)
  spent[way] += performance.now() - beganAt
}

const tokens = await signTokens()
verifier.start()
// In turns of a few milliseconds, so that other programs disturb all of them alike. The first slices warm up.
for (let start = 0; start < TOKENS; start += SLICE) {
  if (start === WARM_UP) Object.assign(spent, { bare: 0, new: 0, remembered: 0 })
  const slice = tokens.slice(start, start + SLICE)
  await measure('bare', slice)
  await measure('new', slice)
  await measure('remembered', slice)
}
const rateOf = (ms: number) => ((TOKENS - WARM_UP) / ms) * 1000
console.log(
  JSON.stringify({ bare: rateOf(spent.bare), new: rateOf(spent.new), remembered: rateOf(spent.remembered) }),
)
process.exit(0)
