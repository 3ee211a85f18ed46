import { type DocumentNode, Kind, type OperationDefinitionNode, type SelectionSetNode } from 'graphql'

/** An operation that asks for more than one field. */
const SEVERAL = 'several'

/**
 * The field of the contract that an operation of a valid document asks for, if it is one; introspection is none.
 */
export function rootField(document: DocumentNode, operationName: string | null | undefined) {
  const operation = document.definitions.find(
    (node): node is OperationDefinitionNode =>
      node.kind === Kind.OPERATION_DEFINITION && (!operationName || node.name?.value === operationName),
  )
  const found = operation && fieldOf(document, operation.selectionSet)
  return found?.startsWith('__') ? undefined : found
}

function fieldOf(document: DocumentNode, { selections }: SelectionSetNode): string | undefined {
  let found: string | undefined
  for (const node of selections) {
    const name =
      node.kind === Kind.FIELD
        ? node.name.value
        : fieldOf(
            document,
            node.kind === Kind.INLINE_FRAGMENT ? node.selectionSet : spread(document, node.name.value),
          )
    if (found !== undefined && name !== undefined && name !== found) return SEVERAL
    found ??= name
  }
  return found
}

function spread(document: DocumentNode, name: string): SelectionSetNode {
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION && node.name.value === name) return node.selectionSet
  }
  throw new TypeError('A valid document has the fragments that it spreads')
}
