import { GraphQLError } from 'graphql'
import { isRefusal } from '../refusal.ts'

type Headers = Record<string, string>

/**
 * A refusal as a GraphQL error with Servauth's codes, and its status and headers for the HTTP answer. Other faults stay
 * as they are. `toHeaders` gives the headers the form that the server reads.
 */
export function asGraphQLError(
  fault: unknown,
  toHeaders: (headers: Headers) => unknown = (headers) => headers,
) {
  if (!isRefusal(fault)) return fault
  const { message, code, details, status, headers } = fault
  // Without the refusal as its original error: Yoga masks errors that have one.
  return new GraphQLError(message, {
    extensions: { code, ...details, http: { status, headers: toHeaders(headers) } },
  })
}
