import { type DocumentNode, Kind, type OperationDefinitionNode, type SelectionSetNode } from 'graphql'

/** The name for an operation with more than one root field. */
const SEVERAL = 'several'

/** The root field of an operation in a valid document, for metrics and traces; undefined for introspection. */
export function rootField(document: DocumentNode, operationName: string | null | undefined) {
  const operation = document.definitions.find(
    (node): node is OperationDefinitionNode =>
      node.kind === Kind.OPERATION_DEFINITION && (!operationName || node.name?.value === operationName),
  )
  const [found, second] = operation ? rootFields(document, operation) : []
  if (second !== undefined) return SEVERAL
  return found?.startsWith('__') ? undefined : found
}

/** The root fields of an operation, also those in fragments. `__typename` is left out, because it names no operation. */
export function rootFields(document: DocumentNode, { selectionSet }: OperationDefinitionNode) {
  const fields = new Set<string>()
  collect(document, selectionSet, fields, new Set())
  fields.delete('__typename')
  return fields
}

/** Visits each fragment once, because fragments that spread each other twice would take exponential time. */
function collect(
  document: DocumentNode,
  { selections }: SelectionSetNode,
  fields: Set<string>,
  seen: Set<string>,
) {
  for (const node of selections) {
    if (node.kind === Kind.FIELD) fields.add(node.name.value)
    else if (node.kind === Kind.INLINE_FRAGMENT) collect(document, node.selectionSet, fields, seen)
    else if (!seen.has(node.name.value)) {
      seen.add(node.name.value)
      collect(document, spread(document, node.name.value), fields, seen)
    }
  }
}

function spread(document: DocumentNode, name: string): SelectionSetNode {
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION && node.name.value === name) return node.selectionSet
  }
  throw new TypeError('A valid document defines the fragments that it spreads')
}
