import {
  coerceInputValue,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isNonNullType,
  isRequiredInputField,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql'
import { type FieldFault, invalidFields } from '../../errors.ts'
import { expected } from './document-errors.ts'

/** The error of invalid variables: `INVALID_INPUT` with all fields, as for any other input, and without their values. */
export function variablesError(
  schema: GraphQLSchema,
  { variableDefinitions }: OperationDefinitionNode,
  variables: Record<string, unknown>,
) {
  const faults = (variableDefinitions ?? []).flatMap(({ variable, type, defaultValue }) => {
    const inputType = typeFromAST(schema, type) as GraphQLInputType | undefined
    const value = variables[variable.name.value]
    if (!inputType || (value === undefined && (defaultValue || !isNonNullType(inputType)))) return []
    // The fields of an input object are named from its root, as in REST.
    const isObject = isInputObjectType(getNamedType(inputType))
    return faultsOf(value, inputType, isObject ? [] : [variable.name.value.slice(0, 100)])
  })
  return invalidFields(faults.length > 0 ? faults : [fault([], 'Does not fit.')])
}

/** As many as GraphQL itself looks at. */
const MAX_REPORTS = 50
const ENOUGH = new Error('There are enough faults')

function faultsOf(value: unknown, type: GraphQLInputType, root: string[]): FieldFault[] {
  const faults = new Map<string, FieldFault[]>()
  let reports = 0
  const report = (path: readonly (string | number)[], found: unknown) => {
    // GraphQL reports an object once for each of its faults, and each report searches for similar names.
    if (++reports > MAX_REPORTS) throw ENOUGH
    const place = path.join('.')
    if (!faults.has(place)) faults.set(place, faultsAt([...root, ...path], found, typeAt(type, path)))
  }
  try {
    coerceInputValue(value, type, report)
  } catch (err) {
    if (err !== ENOUGH) throw err
  }
  return [...faults.values()].flat()
}

/** The faults of one value. GraphQL reports them only as English text, so this compares the type again. */
function faultsAt(
  path: readonly (string | number)[],
  value: unknown,
  type: GraphQLInputType | undefined,
): FieldFault[] {
  if (value === null || value === undefined) return [fault(path, 'Is required.')]
  if (!isInputObjectType(type) || typeof value !== 'object' || Array.isArray(value)) {
    return [fault(path, expected(type))]
  }
  const fields = type.getFields()
  const missing = Object.values(fields).filter(
    (field) => isRequiredInputField(field) && (value as Record<string, unknown>)[field.name] === undefined,
  )
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(fields, name))
  const faults = [
    ...missing.map(({ name }) => fault([...path, name], 'Is required.')),
    ...unknown.map((name) => fault([...path, name.slice(0, 100)], 'Is not a known field.')),
  ]
  return faults.length === 0 && type.isOneOf ? [fault(path, 'Must have exactly one of the fields.')] : faults
}

function typeAt(type: GraphQLInputType, path: readonly (string | number)[]) {
  let found: unknown = getNamedType(type)
  for (const step of path) {
    if (isInputObjectType(found)) found = getNamedType(found.getFields()[step]?.type)
  }
  return found as GraphQLInputType | undefined
}

const fault = (path: readonly (string | number)[], message: string) => ({ path: path.join('.'), message })
