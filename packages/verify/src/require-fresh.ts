import { insufficient } from './refusal.ts'
import type { Caller } from './verifier.ts'

/** How far the clocks of Servauth and of the service may differ. */
const LEEWAY_SECONDS = 30

export type FreshnessRequirement = {
  /** The level of authentication that is needed, such as `aal2`. */
  acr?: string
  /** How many seconds ago the user may have signed in or proven it again, at most. */
  maxAge?: number
}

/**
 * Passes if the user has signed in recently and well enough (RFC 9470).
 * @throws a `Refusal` with the challenge `insufficient_user_authentication`
 */
export function requireFresh({ claims }: Caller, { acr, maxAge }: FreshnessRequirement) {
  if (acr !== undefined && !isAsStrong(claims.acr, acr)) throw insufficient({ acr, maxAge })
  if (maxAge === undefined) return
  const { auth_time: provenAt } = claims
  const ageSeconds = typeof provenAt === 'number' ? Date.now() / 1000 - provenAt : Number.POSITIVE_INFINITY
  if (ageSeconds > maxAge + LEEWAY_SECONDS) throw insufficient({ acr, maxAge })
}

/** Levels of NIST SP 800-63 are ordered. Other values must be equal. */
function isAsStrong(given: unknown, needed: string) {
  if (given === needed) return true
  const level = (acr: unknown) => Number(/^aal(\d)$/.exec(String(acr))?.[1])
  return level(given) >= level(needed)
}
