import { decodeJwt, type JWTPayload } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Introspection } from '../../contract/outputs/introspection.ts'
import { isRefusedCredential } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'

/** Answers are kept, so that a known token is not decoded and written again. One takes about 2 KB. */
const MAX_ANSWERS = 2000

const INACTIVE: Introspection = { active: false }

/**
 * Whether an access token is valid now, its session live and its account enabled (RFC 7662). Any other text, and a refresh
 * token, is not active. Uses the session cache, so a known token costs no query.
 */
export function createIntrospection({
  credentials,
  requireSecondFactor,
}: Pick<Dependencies, 'credentials' | 'requireSecondFactor'>) {
  const answers = new LRUCache<string, Introspection>({ max: MAX_ANSWERS })

  return async function introspect(token: string): Promise<Introspection> {
    try {
      const viewer = await credentials.view({ bearer: token, cookie: null })
      // The session can only enrol the factor that it lacks.
      if (requireSecondFactor && !viewer?.hasFactor) return INACTIVE
    } catch (fault) {
      if (isRefusedCredential(fault)) return INACTIVE
      throw fault
    }
    const known = answers.get(token)
    if (known) return known
    const claims: JWTPayload = decodeJwt(token)
    const answer: Introspection = { active: true, token_type: 'Bearer', ...claims }
    answers.set(token, answer)
    return answer
  }
}
