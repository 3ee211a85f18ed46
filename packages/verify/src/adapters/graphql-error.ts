import { GraphQLError } from 'graphql'
import { isRefusal, type Refusal } from '../refusal.ts'

type Headers = Record<string, string>

type Result = { errors?: readonly GraphQLError[] | undefined }

/**
 * The result with the refusals that resolvers threw, such as those of `requireFresh`, as errors that a server answers.
 * Otherwise a server that masks errors of resolvers hides them too.
 */
export function showRefusals<Given extends object>(result: Given): Given {
  const { errors } = result as Result
  if (!errors?.some(({ originalError }) => isRefusal(originalError))) return result
  return { ...result, errors: errors.map(showRefusal) }
}

function showRefusal(error: GraphQLError) {
  const { originalError, nodes = null, path = null } = error
  if (!isRefusal(originalError)) return error
  return new GraphQLError(error.message, { nodes, path, extensions: toExtensions(originalError) })
}

/**
 * A refusal as a GraphQL error with Servauth's codes, and its status and headers for the HTTP answer. Other faults stay
 * as they are. `toHeaders` gives the headers the form that the server reads.
 */
export function asGraphQLError(fault: unknown, toHeaders?: (headers: Headers) => unknown) {
  if (!isRefusal(fault)) return fault
  // Without the refusal as its original error: Yoga masks errors that have one.
  return new GraphQLError(fault.message, { extensions: toExtensions(fault, toHeaders) })
}

/** The same as the `extensions` of an error. */
export function toExtensions(
  { extensions, status, headers }: Refusal,
  toHeaders: (headers: Headers) => unknown = (same) => same,
) {
  return { ...extensions, http: { status, headers: toHeaders(headers) } }
}
