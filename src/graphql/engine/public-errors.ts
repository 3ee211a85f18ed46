import { GraphQLError } from 'graphql'
import { AuthError, asAuthError } from '../../errors.ts'
import type { RequestContext } from '../../http/context.ts'
import { reportError } from '../../http/error-response.ts'

/**
 * The errors of an answer as clients see them. Keeps their codes for the log.
 * @param executed whether they are of resolvers, and not of the request
 */
export function toPublicErrors(c: RequestContext, errors: readonly GraphQLError[], executed: boolean) {
  const masked = executed ? errors.map(mask) : errors
  for (const { originalError, extensions } of masked) {
    if (originalError instanceof AuthError) reportError(c, originalError)
    else if (!executed) c.code = String(extensions.code)
  }
  return masked.map(withoutHttp)
}

/** Keeps errors of GraphQL itself, which are about the document. Maps errors of a resolver by the table of codes. */
function mask(error: unknown) {
  let fault = error
  while (fault instanceof GraphQLError && fault.originalError) fault = fault.originalError
  if (fault instanceof GraphQLError) return error as GraphQLError
  const originalError = asAuthError(fault)
  const { message, extensions } = originalError
  const { nodes = null, path = null } = error instanceof GraphQLError ? error : {}
  return new GraphQLError(message, { nodes, path, originalError, extensions })
}

/** Removes the statuses and headers that Yoga adds for its own HTTP layer. */
function withoutHttp({ message, locations, path, extensions }: GraphQLError) {
  const { http: _, ...shown } = extensions
  return { message, ...(locations && { locations }), ...(path && { path }), extensions: shown }
}
