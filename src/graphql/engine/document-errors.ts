import {
  type ASTNode,
  type DocumentNode,
  GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  Kind,
  Lexer,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import { invalid } from '../../errors.ts'
import { GRAPHQL_LIMITS } from './cost-limits.ts'

/** The errors of documents that are not executed. They omit the values that the client sent, which may be passwords. */

/** The error of a document that does not parse. It names the kind of the unexpected token instead of its text. */
export function parseError({ source, positions }: GraphQLError) {
  const place = { source: source ?? null, positions: positions ?? null }
  const message = source ? explainToken(source.body, positions?.[0]) : 'Syntax Error: Unexpected end.'
  return new GraphQLError(message, { ...place, extensions: { code: 'GRAPHQL_PARSE_FAILED' } })
}

function explainToken(text: string, position = 0) {
  const lexer = new Lexer({ body: text } as ConstructorParameters<typeof Lexer>[0])
  let tokens = 0
  try {
    for (; lexer.token.end <= position && lexer.token.kind !== '<EOF>'; tokens++) lexer.advance()
  } catch {
    return 'Syntax Error: Unexpected character.'
  }
  if (tokens > GRAPHQL_LIMITS.tokens) return `The document has more than ${GRAPHQL_LIMITS.tokens} tokens.`
  return `Syntax Error: Unexpected ${lexer.token.kind}.`
}

/** The error of an operation name that chooses no operation of the document. */
export function operationNameError({ definitions }: DocumentNode, given: string | null | undefined) {
  const names = definitions.flatMap((node) =>
    node.kind === Kind.OPERATION_DEFINITION && node.name ? [node.name.value.slice(0, 100)] : [],
  )
  if (names.length > 0) return invalid('operationName', expectOneOf(names.slice(0, MAX_NAMES)))
  return given
    ? invalid('operationName', 'The operation of the document has no name.')
    : invalid('query', 'The document has no operation.')
}

const MAX_NAMES = 20

const expectOneOf = (names: string[]) =>
  `Invalid option: expected one of ${names.map((name) => `"${name}"`).join('|')}`

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

/** Keeps GraphQL's own messages, unless they are about a value, because they would repeat that value. */
export function validationErrors(
  schema: GraphQLSchema,
  document: DocumentNode,
  errors: readonly GraphQLError[],
) {
  const values = new Map<ASTNode, GraphQLInputType | undefined>()
  for (const value of errors.map(badValueOf)) if (value) values.set(value, undefined)
  findTypes(schema, document, values)
  return errors.map((error) => {
    const value = badValueOf(error)
    const type = value && values.get(value)
    // About an input object, the message has only names of the schema: that a field is missing.
    if (!value || (value.kind === Kind.OBJECT && isInputObjectType(getNamedType(type)))) return error
    return new GraphQLError(expected(type), { nodes: error.nodes ?? null, extensions: error.extensions })
  })
}

const badValueOf = ({ nodes }: GraphQLError) => nodes?.find(({ kind }) => VALUES.has(kind))

/** Adds the input type at the place of each value. */
function findTypes(
  schema: GraphQLSchema,
  document: DocumentNode,
  values: Map<ASTNode, GraphQLInputType | undefined>,
) {
  if (values.size === 0) return
  const types = new TypeInfo(schema)
  const enter = (node: ASTNode) => {
    if (values.has(node)) values.set(node, types.getInputType() ?? undefined)
  }
  visit(document, visitWithTypeInfo(types, { enter }))
}

/** What a value should be: the choices of an enum, or the name of a type. */
export function expected(type: GraphQLInputType | undefined) {
  const named = getNamedType(type)
  if (isEnumType(named)) return expectOneOf(named.getValues().map(({ name }) => name))
  return named ? `Invalid input: expected ${named.name}` : 'Does not fit.'
}
