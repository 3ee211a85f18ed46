import { type DocumentNode, GraphQLError, Kind, OperationTypeNode } from 'graphql'
import type { YogaServerInstance } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import type { User } from '../../contract/outputs/user.ts'
import { parseError } from './request-errors.ts'

/** The total length of the cached texts. The parsed documents take about twenty times as much memory. */
export const MOST_CHARACTERS = 1_000_000

/** A document that only queries `me`, without variables. Its answer depends only on the user, so it is cached. */
type OfMe = { name: string | undefined; answers: WeakMap<User, string> }
type Known = { document: DocumentNode; ofMe: OfMe | undefined; errors?: never }
export type Prepared = Known | { document?: never; ofMe?: never; errors: readonly GraphQLError[] }

/**
 * Parses and validates documents with Yoga and all its plugins, and caches the valid ones. It replaces Yoga's own
 * cache, which limits the number of documents instead of their size, and runs after all hooks.
 */
export function createDocuments(yoga: Pick<YogaServerInstance<object, object>, 'getEnveloped'>) {
  const known = new LRUCache<string, Known>({
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
      // A string in a document may be a password. Well-written clients send it as a variable.
      if (text.includes('"')) return { document, ofMe: undefined }
      const prepared: Known = { document, ofMe: ofMe(document) }
      known.set(text, prepared)
      return prepared
    } catch (fault) {
      if (!(fault instanceof GraphQLError)) throw fault
      return { errors: [parseError(fault)] }
    }
  }
}

function ofMe({ definitions }: DocumentNode): OfMe | undefined {
  const [operation, other] = definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION)
  if (!operation || other || operation.operation !== OperationTypeNode.QUERY) return undefined
  const [field, second] = operation.selectionSet.selections
  const isPlainMe = field?.kind === Kind.FIELD && field.name.value === 'me' && !field.directives?.length
  if (!isPlainMe || second || operation.variableDefinitions?.length) return undefined
  return { name: operation.name?.value, answers: new WeakMap() }
}
