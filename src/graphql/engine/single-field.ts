import {
  type DocumentNode,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getArgumentValues,
  getVariableValues,
  isNonNullType,
  Kind,
  locatedError,
  OperationTypeNode,
} from 'graphql'
import { isAnswer } from './plain-answers.ts'

type Values = Record<string, unknown>
/** Executes a document. The result is that of graphql-js. */
export type Execute = (variables: Values, contextValue: unknown) => ExecutionResult | Promise<ExecutionResult>

/** What a resolver gets besides the context. */
type Given = { args: Values; info: GraphQLResolveInfo }
type Read = { given: Given; errors?: never } | { given?: never; errors: readonly GraphQLError[] }

/**
 * How many faults of variables graphql-js describes, which takes long for a large value. The answer names them in other words
 * (`variable-errors.ts`).
 */
export const MAX_COERCION_ERRORS = 1
/** Longer variables are not kept. Lists and searches have shorter ones. */
const MAX_KEPT_CHARACTERS = 100

/**
 * Prepares a document whose only operation has one root field with a plain answer, as most have. graphql-js finds out for
 * each request which fields an operation has, and waits for each result three times.
 * @param schema the one with plain answers
 * @returns undefined for any other document
 */
export function prepareSingleField(schema: GraphQLSchema, document: DocumentNode): Execute | undefined {
  const [operation, other] = document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION)
  if (!operation || other) return undefined
  const [node, second] = operation.selectionSet.selections
  if (node?.kind !== Kind.FIELD || node.directives?.length || second) return undefined
  const parentType = schema.getRootType(operation.operation)
  const field = parentType?.getFields()[node.name.value]
  const { resolve, type: returnType } = field ?? {}
  if (!parentType || !field || !resolve || !isAnswer(returnType)) return undefined

  const fieldNodes = [node]
  const key = node.alias?.value ?? node.name.value
  const definitions = operation.variableDefinitions ?? []
  const constantInfo = {
    fieldName: field.name,
    fieldNodes,
    returnType: field.type,
    parentType,
    path: { prev: undefined, key, typename: parentType.name },
    schema,
    fragments: Object.fromEntries(
      document.definitions.flatMap((found) =>
        found.kind === Kind.FRAGMENT_DEFINITION ? [[found.name.value, found]] : [],
      ),
    ),
    rootValue: undefined,
    operation,
  }

  const isQuery = operation.operation === OperationTypeNode.QUERY
  let last: { text: string; read: Read } | undefined

  const read = (variables: Values): Read => {
    const { coerced, errors } = getVariableValues(schema, definitions, variables, {
      maxErrors: MAX_COERCION_ERRORS,
    })
    if (!coerced) return { errors }
    const args = getArgumentValues(field, node, coerced)
    return { given: { args, info: { ...constantInfo, variableValues: coerced } } }
  }

  /** Most clients repeat a query with the same variables. Those of a mutation are not kept, because they may be secrets. */
  function readAgain(variables: Values): Read {
    if (!isQuery) return read(variables)
    const text = definitions.length > 0 ? JSON.stringify(variables) : ''
    if (last?.text === text) return last.read
    const found = read(variables)
    if (found.given && text.length <= MAX_KEPT_CHARACTERS) last = { text, read: found }
    return found
  }

  const toResult = (value: unknown): ExecutionResult => ({ data: { [key]: value } })

  /** GraphQL, section 6.4.4: a field that cannot be null takes its parent with it. */
  function toFaultyResult(fault: unknown): ExecutionResult {
    const errors = [locatedError(fault, fieldNodes, [key])]
    return { errors, data: isNonNullType(returnType) ? null : { [key]: null } }
  }

  return function execute(variables, contextValue) {
    try {
      const { given, errors } = readAgain(variables)
      if (!given) return { errors }
      const answer: unknown = resolve(undefined, given.args, contextValue, given.info)
      return answer instanceof Promise ? answer.then(toResult, toFaultyResult) : toResult(answer)
    } catch (fault) {
      return toFaultyResult(fault)
    }
  }
}
