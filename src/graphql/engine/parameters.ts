import { z } from 'zod'
import { isRecord } from '../../contract/json.ts'
import { parse } from '../../contract/parse.ts'

/** Many clients send an empty string for a parameter that they leave out. */
const orEmpty = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema.nullish())

const Record = z.record(z.string(), z.unknown(), 'Must be an object.')

/** GraphQL over HTTP, section 5.4: unknown parameters are ignored. */
const Parameters = z.object(
  {
    query: z.string({ error: ({ input }) => (input === undefined ? 'Is required.' : 'Must be a string.') }),
    operationName: orEmpty(z.string('Must be a string.')),
    variables: orEmpty(Record),
    extensions: orEmpty(Record),
  },
  {
    error: ({ input }) =>
      Array.isArray(input)
        ? 'Batches are not accepted. Send each operation in a request of its own.'
        : 'Must be an object with the member "query".',
  },
)

export type Parameters = z.output<typeof Parameters>

/** The parameters of a request, or null if it names a persisted query instead of sending one. */
export function readParameters(body: unknown): Parameters | null {
  // Fast path: skips Zod for well-formed parameters.
  if (isPlain(body)) return body
  return namesPersistedQuery(body) ? null : parse(Parameters, body)
}

function isPlain(body: unknown): body is Parameters {
  if (!isRecord(body)) return false
  const { query, operationName, variables, extensions } = body
  const isName = operationName === undefined || (typeof operationName === 'string' && operationName !== '')
  const areObjects = [variables, extensions].every((value) => value === undefined || isRecord(value))
  return typeof query === 'string' && query !== '' && isName && areObjects
}

/** Automatic persisted queries, as Apollo's and urql's clients send them first: the hash of a query, without the query. */
function namesPersistedQuery(body: unknown) {
  return (
    isRecord(body) && !body.query && isRecord(body.extensions) && isRecord(body.extensions.persistedQuery)
  )
}
