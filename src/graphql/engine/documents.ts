import { type DocumentNode, GraphQLError, Kind, OperationTypeNode, visit } from 'graphql'
import type { YogaServerInstance } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import { parseError, validationErrors } from './document-errors.ts'
import { rootFields } from './root-field.ts'
import type { Execute } from './single-field.ts'

/** The memory of all cached documents together. A client without an account can fill it. */
export const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
/** The memory of a node with its location and tokens, as measured. */
const NODE_BYTES = 320
/** What is prepared for its execution, as measured. */
const DOCUMENT_BYTES = 1200

/**
 * A document that only queries `me`. Its answer depends only on the user and the variables. The viewer keeps it, so
 * answers end with their session's cache entry, and count there.
 */
type OfMe = { name: string | undefined; answerKey: (variables: object | null | undefined) => string }
/** `introspects`: whether it queries the schema itself. `execute`: faster than graphql-js, if the document allows it. */
type Known = {
  document: DocumentNode
  introspects: boolean
  ofMe: OfMe | undefined
  execute: Execute | undefined
  errors?: never
}
type Refused = { document?: never; introspects?: never; ofMe?: never; errors: readonly GraphQLError[] }
export type Prepared = Known | Refused

/**
 * Parses and validates documents with Yoga and all its plugins, and caches the valid ones. It replaces Yoga's own
 * cache, which limits the number of documents instead of their size, and runs after all hooks.
 */
export function createDocuments(
  yoga: Pick<YogaServerInstance<object, object>, 'getEnveloped'>,
  prepareExecution: (document: DocumentNode) => Execute | undefined,
) {
  const known = new LRUCache<string, Known>({
    maxSize: MAX_DOCUMENT_BYTES,
    sizeCalculation: ({ document }, text) => DOCUMENT_BYTES + text.length + countNodes(document) * NODE_BYTES,
  })
  let keys = 0

  return function prepare(text: string): Prepared {
    const remembered = known.get(text)
    if (remembered) return remembered
    const { parse, validate, schema } = yoga.getEnveloped({})
    try {
      const document: DocumentNode = parse(text)
      const errors: readonly GraphQLError[] = validate(schema, document)
      if (errors.length > 0) return { errors: validationErrors(schema, document, errors) }
      const introspects = queriesSchema(document)
      const execute = prepareExecution(document)
      // A string in a document may be a password. Well-written clients send it as a variable.
      if (text.includes('"')) return { document, introspects, execute, ofMe: undefined }
      const prepared: Known = { document, introspects, execute, ofMe: ofMe(document, ++keys) }
      known.set(text, prepared)
      return prepared
    } catch (fault) {
      if (!(fault instanceof GraphQLError)) throw fault
      return { errors: [parseError(fault)] }
    }
  }
}

function countNodes(document: DocumentNode) {
  let count = 0
  visit(document, { enter: () => void count++ })
  return count
}

const operationsOf = ({ definitions }: DocumentNode) =>
  definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION)

const queriesSchema = (document: DocumentNode) =>
  operationsOf(document).some((operation) =>
    [...rootFields(document, operation)].some((name) => name.startsWith('__')),
  )

function ofMe(document: DocumentNode, key: number): OfMe | undefined {
  const [operation, other] = operationsOf(document)
  if (!operation || other || operation.operation !== OperationTypeNode.QUERY) return undefined
  const [field, second] = rootFields(document, operation)
  if (field !== 'me' || second !== undefined) return undefined
  const takesVariables = (operation.variableDefinitions ?? []).length > 0
  return {
    name: operation.name?.value,
    answerKey: (variables) => (takesVariables ? `${key} ${JSON.stringify(variables)}` : `${key}`),
  }
}
