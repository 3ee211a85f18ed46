import { isRefusal } from '../../packages/verify/src/refusal.ts'
import { createVerifier } from '../../packages/verify/src/verifier.ts'

const { PORT, ISSUER = '', SERVAUTH_URL, SERVICE_KEY } = process.env
let requests = 0

/** A service that verifies access tokens with the package, and counts its own requests to Servauth. */
const verifier = createVerifier({
  issuer: ISSUER,
  url: SERVAUTH_URL,
  serviceKey: SERVICE_KEY,
  fetch(url, init) {
    requests++
    return fetch(url, init)
  },
})
verifier.start()

Bun.serve({
  port: Number(PORT),
  async fetch(request) {
    if (new URL(request.url).pathname === '/requests') return Response.json(requests)
    try {
      const token = request.headers.get('authorization')?.slice('Bearer '.length) ?? null
      return Response.json((await verifier.verify(token)).userId)
    } catch (fault) {
      return new Response(null, { status: isRefusal(fault) ? fault.status : 500 })
    }
  },
})
