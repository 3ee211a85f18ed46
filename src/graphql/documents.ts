import { type DocumentNode, GraphQLError } from 'graphql'
import type { YogaServerInstance } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'

/** Of text, in all; what it parses to takes some twenty times as much memory. */
const MOST_CHARACTERS = 1_000_000

type Prepared =
  | { document: DocumentNode; errors?: never }
  | { document?: never; errors: readonly GraphQLError[] }

/**
 * Has Yoga parse and validate a document, with all its plugins, and remembers those that may be executed. In
 * the place of Yoga's own cache, which counts documents and not their size, and lies behind all of its hooks.
 */
export function createDocuments(yoga: Pick<YogaServerInstance<object, object>, 'getEnveloped'>) {
  const known = new LRUCache<string, { document: DocumentNode }>({
    maxSize: MOST_CHARACTERS,
    sizeCalculation: (_, text) => text.length,
  })

  return function prepare(text: string): Prepared {
    const remembered = known.get(text)
    if (remembered) return remembered
    const { parse, validate, schema } = yoga.getEnveloped({})
    try {
      const document: DocumentNode = parse(text)
      const errors: readonly GraphQLError[] = validate(schema, document)
      if (errors.length > 0) return { errors }
      // A string in a document may be a password; good clients put it into the variables.
      if (!text.includes('"')) known.set(text, { document })
      return { document }
    } catch (fault) {
      if (!(fault instanceof GraphQLError)) throw fault
      const { message, source, positions } = fault
      const place = { source: source ?? null, positions: positions ?? null }
      return {
        errors: [new GraphQLError(message, { ...place, extensions: { code: 'GRAPHQL_PARSE_FAILED' } })],
      }
    }
  }
}
