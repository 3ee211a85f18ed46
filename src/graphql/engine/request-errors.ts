import {
  coerceInputValue,
  GraphQLError,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isNonNullType,
  isRequiredInputField,
  Kind,
  Lexer,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql'
import { AuthError, type FieldFault } from '../../errors.ts'
import { schema } from '../schema/schema.ts'

/** The errors of requests that are not executed. They omit the values that the client sent, which may be passwords. */

/** The error of a document that does not parse. It names the kind of the unexpected token instead of its text. */
export function parseError({ source, positions }: GraphQLError) {
  const place = { source: source ?? null, positions: positions ?? null }
  const message = `Syntax Error: Unexpected ${source ? tokenKindAt(source.body, positions?.[0]) : 'end'}.`
  return new GraphQLError(message, { ...place, extensions: { code: 'GRAPHQL_PARSE_FAILED' } })
}

function tokenKindAt(text: string, position = 0) {
  const lexer = new Lexer({ body: text } as ConstructorParameters<typeof Lexer>[0])
  try {
    while (lexer.token.end <= position && lexer.token.kind !== '<EOF>') lexer.advance()
    return lexer.token.kind
  } catch {
    return 'character'
  }
}

const VALUES = new Set<string>([
  Kind.INT,
  Kind.FLOAT,
  Kind.STRING,
  Kind.BOOLEAN,
  Kind.NULL,
  Kind.ENUM,
  Kind.LIST,
  Kind.OBJECT,
])

/** Keeps GraphQL's own message, unless it is about a value, because it would repeat that value. */
export function validationError(error: GraphQLError) {
  if (!error.nodes?.some(({ kind }) => VALUES.has(kind))) return error
  const { nodes, extensions } = error
  return new GraphQLError('This value does not fit its type.', { nodes, extensions })
}

/** The error of invalid variables: `INVALID_INPUT` with all fields, as for any other input. */
export function variablesError(
  { variableDefinitions }: OperationDefinitionNode,
  variables: Record<string, unknown>,
) {
  const fields = (variableDefinitions ?? []).flatMap(({ variable, type, defaultValue }) => {
    const inputType = typeFromAST(schema, type) as GraphQLInputType | undefined
    const value = variables[variable.name.value]
    if (!inputType || (value === undefined && (defaultValue || !isNonNullType(inputType)))) return []
    return faultsOf(value, inputType)
  })
  return new AuthError('INVALID_INPUT', { fields: fields.length > 0 ? fields : [fault([], 'Does not fit.')] })
}

function faultsOf(value: unknown, type: GraphQLInputType): FieldFault[] {
  const faults: FieldFault[] = []
  coerceInputValue(value, type, (path, found) => {
    faults.push(...faultsAt(path, found, typeAt(type, path)))
  })
  return faults.filter(({ path }, index) => faults.findIndex((other) => other.path === path) === index)
}

/** The faults of one value. GraphQL reports them only as English text, so this compares the type again. */
function faultsAt(path: readonly (string | number)[], value: unknown, type: unknown): FieldFault[] {
  if (value === null || value === undefined) return [fault(path, 'Is required.')]
  if (isEnumType(type)) {
    const names = type.getValues().map(({ name }) => `"${name}"`)
    return [fault(path, `Invalid option: expected one of ${names.join('|')}`)]
  }
  if (!isInputObjectType(type) || typeof value !== 'object') return [fault(path, 'Does not fit.')]
  const fields = type.getFields()
  const missing = Object.values(fields).filter(
    (field) => isRequiredInputField(field) && (value as Record<string, unknown>)[field.name] === undefined,
  )
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(fields, name))
  return [
    ...missing.map(({ name }) => fault([...path, name], 'Is required.')),
    ...unknown.map((name) => fault([...path, name.slice(0, 100)], 'Is not a known field.')),
  ]
}

function typeAt(type: GraphQLInputType, path: readonly (string | number)[]) {
  let found: unknown = getNamedType(type)
  for (const step of path) {
    if (isInputObjectType(found)) found = getNamedType(found.getFields()[step]?.type)
  }
  return found
}

const fault = (path: readonly (string | number)[], message: string) => ({ path: path.join('.'), message })
