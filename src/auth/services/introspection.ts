import { decodeJwt, type JWTPayload } from 'jose'
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
  requireSecondFactor,
}: Pick<Dependencies, 'credentials' | 'requireSecondFactor'>) {
  return async function introspect(token: string): Promise<Introspection> {
    try {
      const viewer = await credentials.view({ bearer: token, cookie: null })
      // The session can only enrol the factor that it lacks.
      if (requireSecondFactor && !viewer?.hasFactor) return INACTIVE
    } catch (fault) {
      if (isRefusedCredential(fault)) return INACTIVE
      throw fault
    }
    const claims: JWTPayload = decodeJwt(token)
    return { active: true, token_type: 'Bearer', ...claims }
  }
}
