import {
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  getArgumentValues,
  getVariableValues,
  isNonNullType,
  Kind,
  locatedError,
} from 'graphql'
import { isAnswer } from './plain-answers.ts'

type Values = Record<string, unknown>
/** Executes a document. The result is that of graphql-js. */
export type Execute = (variables: Values, contextValue: unknown) => ExecutionResult | Promise<ExecutionResult>

/** How many faults of variables graphql-js collects. */
const MAX_ERRORS = 50

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

  function coerceVariables(variables: Values) {
    if (definitions.length === 0) return { coerced: {} }
    return getVariableValues(schema, definitions, variables, { maxErrors: MAX_ERRORS })
  }

  const toResult = (value: unknown): ExecutionResult => ({ data: { [key]: value } })

  /** GraphQL, section 6.4.4: a field that cannot be null takes its parent with it. */
  function toFaultyResult(fault: unknown): ExecutionResult {
    const errors = [locatedError(fault, fieldNodes, [key])]
    return { errors, data: isNonNullType(returnType) ? null : { [key]: null } }
  }

  return function execute(variables, contextValue) {
    const { coerced, errors } = coerceVariables(variables)
    if (!coerced) return { errors }
    try {
      const args = getArgumentValues(field, node, coerced)
      const answer: unknown = resolve(undefined, args, contextValue, {
        ...constantInfo,
        variableValues: coerced,
      })
      return answer instanceof Promise ? answer.then(toResult, toFaultyResult) : toResult(answer)
    } catch (fault) {
      return toFaultyResult(fault)
    }
  }
}
