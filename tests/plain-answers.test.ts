import { buildSchema, execute, type GraphQLSchema, parse, validate } from 'graphql'
import { expect, test } from 'vitest'
import { withPlainAnswers } from '../src/graphql/engine/plain-answers.ts'

/** A schema with lists, enums, nulls and a type in itself, and its data. */
const schema = buildSchema(`
  enum Kind { ONE TWO }
  type Node { id: ID! kind: Kind! tags: [String!]! matrix: [[Int]]! size: Float parent: Node children: [Node!] }
  union Any = Node
  type Query { node: Node nodes(first: Int): [Node]! none: Node any: Any count: Int! broken: Node }
  type Mutation { set(id: ID): Node! }
`)
const leaf = { id: 7, kind: 'TWO', tags: [], matrix: [[1, null], []], size: 1.5 }
const node = { id: 'a', kind: 'ONE', tags: ['x'], matrix: [], parent: leaf, children: [leaf, leaf] }
const DATA: Record<string, unknown> = {
  node,
  nodes: Promise.resolve([node, null]),
  none: null,
  any: { __typename: 'Node', ...node },
  count: 3,
  broken: { ...node, kind: null },
  set: node,
}
for (const type of [schema.getQueryType(), schema.getMutationType()]) {
  for (const [name, field] of Object.entries(type?.getFields() ?? {})) field.resolve = () => DATA[name]
}
const plain = withPlainAnswers(schema)

const run = async (by: GraphQLSchema, text: string, variableValues = {}) => {
  const document = parse(text)
  expect(validate(schema, document)).toEqual([])
  const { data, errors } = await execute({ schema: by, document, variableValues })
  return { text: JSON.stringify(data), faults: errors?.map(({ path }) => path?.[0]) }
}

test.each([
  '{ node { id kind tags matrix size } count none { id } }',
  '{ a: node { b: id c: __typename parent { id parent { id } } } b: nodes(first: 2) { id children { kind } } }',
  '{ node { parent { id } ...F ...F parent { kind ...F } } } fragment F on Node { id size children { id ...G } } fragment G on Node { tags }',
  '{ ... on Query { node { ... { id } ... on Node { kind id } } } any { ... on Node { id } __typename } }',
  'query ($no: Boolean!) { node { id @skip(if: $no) kind @include(if: $no) ... @include(if: $no) { tags } } count @skip(if: $no) }',
  'mutation { set(id: "x") { id } again: set { kind children { parent { id } } } }',
  '{ __typename node { __typename } }',
  '{ node { __proto__: id constructor: kind parent { __proto__: size kind } } }',
])('%s is answered as graphql-js answers it', async (text) => {
  for (const no of [true, false])
    expect(await run(plain, text, { no })).toEqual(await run(schema, text, { no }))
})

test('a null where the schema allows none makes the whole root field null', async () => {
  const { text, faults } = await run(plain, '{ broken { id kind } count }')

  expect([text, faults]).toEqual(['{"broken":null,"count":3}', ['broken']])
})
