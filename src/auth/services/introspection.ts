import { decodeJwt, type JWTPayload } from 'jose'
import type { Viewer } from '../../contract/caller.ts'
import type { Introspection } from '../../contract/outputs/introspection.ts'
import { isRefusedCredential } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'

const INACTIVE: Introspection = { active: false }

/**
 * Whether an access token is valid now, its session live and its account enabled (RFC 7662). Any other text, and a refresh
 * token, is not active. Uses the session cache, so a known token costs no query.
 */
export function createIntrospection({
  credentials,
  requiredFactor,
}: Pick<Dependencies, 'credentials' | 'requiredFactor'>) {
  /** So that a known token is not decoded and written again. An answer stays as long as the session cache has its viewer. */
  const answers = new WeakMap<Viewer, Introspection>()

  function describe(token: string, viewer: Viewer | null) {
    if (!viewer || requiredFactor.isMissing(viewer)) return INACTIVE
    const known = answers.get(viewer)
    if (known) return known
    const claims: JWTPayload = decodeJwt(token)
    const answer: Introspection = { active: true, token_type: 'Bearer', ...claims }
    answers.set(viewer, answer)
    return answer
  }

  /** Without a promise if the session cache has the token. */
  return function introspect(token: string): Introspection | Promise<Introspection> {
    const viewer = credentials.view({ bearer: token, cookie: null })
    if (!(viewer instanceof Promise)) return describe(token, viewer)
    return viewer.then(
      (found) => describe(token, found),
      (fault: unknown) => {
        if (isRefusedCredential(fault)) return INACTIVE
        throw fault
      },
    )
  }
}
