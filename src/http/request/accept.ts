import { accepts } from 'hono/accepts'
import type { AppContext } from '../context.ts'

const STANDARD = 'application/graphql-response+json'
const LEGACY = 'application/json'
/** `accepts` takes quadratic time for a long header. */
const MAX_ACCEPT_CHARACTERS = 1000

/** The media type that a client prefers (RFC 9110, section 12.5.1). */
export function preferredType<Type extends string>(c: AppContext, supports: Type[], fallback: Type) {
  const { length } = c.req.header('accept') ?? ''
  if (length > MAX_ACCEPT_CHARACTERS) return fallback
  return accepts(c, { header: 'Accept', supports, default: fallback }) as Type
}

/** The media type in which a client reads answers of GraphQL (GraphQL over HTTP, section 6.1). */
export function graphqlMediaType(c: AppContext) {
  const accept = c.req.header('accept')
  // Fast paths: for most clients, and for Apollo and urql. `accepts` takes a tenth of the time of a request.
  if (!accept?.toLowerCase().includes('graphql-response+json')) return LEGACY
  if (accept.startsWith(`${STANDARD},`)) return STANDARD
  return preferredType(c, [STANDARD, LEGACY], LEGACY)
}
