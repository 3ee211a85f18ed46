import { buildSchema, type ExecutionResult, execute, type GraphQLSchema, parse, validate } from 'graphql'
import { expect, test } from 'vitest'
import { withPlainAnswers } from '../src/graphql/engine/plain-answers.ts'
import { MAX_COERCION_ERRORS, prepareSingleField } from '../src/graphql/engine/single-field.ts'

/** A schema with lists, enums, nulls and a type in itself, and its data. */
const schema = buildSchema(`
  enum Kind { ONE TWO }
  type Node { id: ID! kind: Kind! tags: [String!]! matrix: [[Int]]! size: Float parent: Node children: [Node!] }
  union Any = Node
  input Filter { kind: Kind = TWO ids: [ID!] }
  type Query {
    node: Node nodes(first: Int): [Node]! none: Node any: Any count: Int! broken: Node
    given(first: Int! = 3, filter: Filter): String! thrown: Node rejected: Int! seen(id: ID!): Int
  }
  type Mutation { set(id: ID): Node! seen(id: ID!): Int }
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
  for (const [name, field] of Object.entries(type?.getFields() ?? {})) {
    field.resolve = (_root, args, context) => {
      if (name === 'given') return JSON.stringify([args, context])
      if (name === 'seen') return context.see(args)
      if (name === 'thrown') throw new TypeError('thrown')
      return name === 'rejected' ? Promise.reject(new TypeError('rejected')) : DATA[name]
    }
  }
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

const CONTEXT = { caller: 1 }
const toText = ({ data, errors }: ExecutionResult) =>
  JSON.stringify({
    data,
    errors: errors?.map(({ message, locations, path }) => ({ message, locations, path })),
  })

async function runPrepared(text: string, variables: Record<string, unknown>) {
  const document = parse(text)
  expect(validate(schema, document)).toEqual([])
  const prepared = prepareSingleField(plain, document)
  const options = { maxCoercionErrors: MAX_COERCION_ERRORS }
  const byGraphQL = execute({
    schema: plain,
    document,
    variableValues: variables,
    contextValue: CONTEXT,
    options,
  })
  return { prepared: await prepared?.(variables, CONTEXT), expected: await byGraphQL }
}

test.each<[string, Record<string, unknown>?]>([
  ['{ node { id ...F } } fragment F on Node { kind parent { id } }'],
  ['{ all: nodes(first: 2) { id __typename } }'],
  ['{ __proto__: count }'],
  ['mutation Set($id: ID = 7) { set(id: $id) { id kind } }'],
  ['query ($no: Boolean!) { node { id @skip(if: $no) } }', { no: true }],
  ['query ($no: Boolean!) { node { id @skip(if: $no) } }', { no: false }],
  ['query ($no: Boolean!) { node { id @skip(if: $no) } }', { no: 'x' }],
  ['query ($no: Boolean!) { node { id @skip(if: $no) } }'],
  ['{ given }'],
  ['{ given(first: 5, filter: { ids: ["a", "b"] }) }'],
  ['query ($first: Int! = 9, $filter: Filter) { given(first: $first, filter: $filter) }'],
  ['query ($first: Int! = 9, $filter: Filter) { given(first: $first, filter: $filter) }', { filter: null }],
  ['query ($first: Int!, $f: Filter) { given(first: $first, filter: $f) }', { first: 1, f: { ids: 'a' } }],
  ['query ($first: Int!, $f: Filter) { given(first: $first, filter: $f) }', { first: 1.5, f: { no: 1 } }],
  ['query ($first: Int) { given(first: $first) }', { first: null }],
  ['query ($ids: [ID!], $kind: Kind) { given(filter: { ids: $ids, kind: $kind }) }', { ids: [1], more: 2 }],
  ['{ none { id } }'],
  ['{ thrown { id } }'],
  ['{ it: rejected }'],
  ['{ broken { id kind } }'],
])('%s with %o has the result of graphql-js, errors too', async (text, variables = {}) => {
  const { prepared, expected } = await runPrepared(text, variables)

  expect(prepared && toText(prepared)).toBe(toText(expected))
})

test.each([
  'query ($first: Int!, $kind: Kind) { given(first: $first, filter: { kind: $kind }) }',
  'query ($first: Int!, $kind: Kind = ONE) { given(first: $first, filter: { kind: $kind }) }',
])('%s has the answer for its own variables after a request with others', async (text) => {
  const document = parse(text)
  const prepared = prepareSingleField(plain, document)
  const long = { more: 'x'.repeat(1000) }
  const given = [
    { first: 1 },
    { first: 1 },
    { first: 2 },
    { first: 'x' },
    { first: 2 },
    { first: 2, ...long },
  ]

  for (const variableValues of [...given, { first: 2, kind: 'ONE' }, { first: 2, kind: null }, {}]) {
    const expected = await execute({ schema: plain, document, variableValues, contextValue: CONTEXT })
    const result = await prepared?.(variableValues, CONTEXT)
    expect(result && toText(result)).toBe(toText(expected))
  }
})

test('the variables of a query are read once while they are the same, and those of a mutation each time', () => {
  const read = (text: string) => {
    const document = parse(text)
    const prepared = prepareSingleField(plain, document)
    const seen: unknown[] = []
    for (const id of ['1', '1', '2', '2'])
      void prepared?.({ id }, { see: (args: unknown) => seen.push(args) })
    return new Set(seen).size
  }

  expect(read('query ($id: ID!) { seen(id: $id) }')).toBe(2)
  expect(read('mutation ($id: ID!) { seen(id: $id) }')).toBe(4)
})

test.each([
  '{ node { id } count }',
  '{ node { id } ...F } fragment F on Query { count }',
  '{ ... { count } }',
  '{ count @skip(if: true) }',
  '{ __typename }',
  '{ any { __typename } }',
  'query A { count } query B { count }',
])('%s is left to graphql-js', async (text) => {
  expect((await runPrepared(text, {})).prepared).toBeUndefined()
})
