import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import {
  buildSchema,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLNullableType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import { expect } from 'vitest'
import type { Operation } from './client.ts'
import { almost, wellFormed } from './hostile.ts'

const schema = buildSchema(readFileSync('schema.graphql', 'utf8'))
const ROOTS = { query: schema.getQueryType(), mutation: schema.getMutationType() } as Record<
  'query' | 'mutation',
  GraphQLObjectType
>

/** A field of a document: the key of its value in the answer, its type and its own fields. */
type Selected = {
  key: string
  text: string
  type: GraphQLOutputType | '__typename'
  shown: boolean
  inner: Selected[]
}

export type RandomDocument = { query: string; variables: Record<string, unknown>; selected: Selected[] }

const DIRECTIVES = ['', '', '', '', '@include(if: true)', '@skip(if: false)', '@skip(if: true)']
const hides = (directive: string) => directive === '@skip(if: true)'

/** Documents of valid syntax with one operation, or several queries, and any selection and arguments. */
export function randomDocument(operation: Operation): fc.Arbitrary<RandomDocument> {
  const kind = operation in ROOTS.query.getFields() ? 'query' : 'mutation'
  const roots = Object.keys(ROOTS[kind].getFields()) as Operation[]
  const beside = kind === 'query' ? fc.array(fc.constantFrom(...roots), { maxLength: 2 }) : fc.constant([])
  return beside
    .chain((others) => fc.tuple(...[operation, ...others].map((name, index) => rootField(kind, name, index))))
    .map((fields) => {
      const variables = fields.flatMap(({ given }) => given.filter(({ asVariable }) => asVariable))
      const declared = variables.map(({ variable, type }) => `${variable}: ${type}`).join(', ')
      const selected = fields.map(({ field }) => field)
      const named = fields.map(({ fragment }) => fragment).join('\n')
      return {
        query: `${kind} ${declared && `(${declared})`} { ${selected.map(({ text }) => text).join(' ')} }\n${named}`,
        variables: Object.fromEntries(variables.map(({ variable, value }) => [variable.slice(1), value])),
        selected,
      }
    })
}

function rootField(kind: 'query' | 'mutation', name: Operation, index: number) {
  const field = ROOTS[kind].getFields()[name] as GraphQLField<unknown, unknown>
  const sent = field.args.filter((argument, at) => at === 0 || isNonNullType(argument.type))
  const type = getNamedType(field.type)
  const given = argumentOf(name).map(({ value, asVariable }) =>
    sent.flatMap((argument, at) => {
      const whole = argument.name === 'input' ? value : value[argument.name]
      const variable = `$v${index}_${at}`
      const one = { variable, type: String(argument.type), value: whole, asVariable, name: argument.name }
      return whole === undefined ? [] : [one]
    }),
  )
  return fc.record({ given, inner: innerOf(type, 2), named: fc.boolean() }).map(({ given, inner, named }) => {
    const text = inner.map((each) => each.text).join(' ')
    const isNamed = named && inner.length > 0
    const texts = given.map((one) => `${one.name}: ${one.asVariable ? one.variable : literal(one.value)}`)
    const argumentText = texts.length > 0 ? `(${texts.join(', ')})` : ''
    // Each field has its own key, because the same field may occur twice with different arguments.
    const key = index === 0 ? name : `${name}${index}`
    const block = inner.length === 0 ? '' : isNamed ? `{ ...F${index} }` : `{ ${text} }`
    return {
      given,
      fragment: isNamed ? `fragment F${index} on ${type.name} { ${text} }` : '',
      field: {
        key,
        text: `${index === 0 ? '' : `${key}: `}${name}${argumentText} ${block}`,
        type: field.type,
        shown: true,
        inner,
      },
    }
  })
}

const argumentOf = (name: Operation) =>
  fc.record({
    value: fc.oneof(
      { weight: 3, arbitrary: wellFormed(name) },
      { weight: 1, arbitrary: almost(name) },
    ) as fc.Arbitrary<Record<string, unknown>>,
    asVariable: fc.boolean(),
  })

function innerOf(type: GraphQLNamedType | null, depth: number): fc.Arbitrary<Selected[]> {
  return isObjectType(type) ? selections(type, depth) : fc.constant([])
}

function selections(type: GraphQLObjectType, depth: number): fc.Arbitrary<Selected[]> {
  const fields = Object.values(type.getFields()).filter(
    (field) => depth > 0 || !isObjectType(getNamedType(field.type)),
  )
  const one = fc.constantFrom(null, ...fields).chain((field) => {
    const inner = field && getNamedType(field.type)
    return fc
      .record({
        alias: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined, freq: 5 }),
        directive: fc.constantFrom(...DIRECTIVES),
        inFragment: fc.constantFrom(false, false, true),
        inner: innerOf(inner, depth - 1),
      })
      .map(({ alias, directive, inFragment, inner }): Selected => {
        const name = field?.name ?? '__typename'
        const block = inner.length > 0 ? `{ ${inner.map(({ text }) => text).join(' ')} }` : ''
        const text = `${alias ? `${alias}: ` : ''}${name} ${directive} ${block}`
        return {
          key: alias ?? name,
          text: inFragment ? `... on ${type.name} { ${text} }` : text,
          type: field?.type ?? '__typename',
          shown: !hides(directive),
          inner,
        }
      })
  })
  return fc.uniqueArray(one, { minLength: 1, maxLength: 6, selector: ({ key }) => key })
}

/** A value as a GraphQL literal; keys that are no valid names are left out. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(
      ([name, each]) => /^[_a-z]\w*$/i.test(name) && each !== undefined,
    )
    return `{ ${fields.map(([name, each]) => `${name}: ${literal(each)}`).join(', ')} }`
  }
  if (value === 'COOKIE' || value === 'TOKEN') return value
  return JSON.stringify(value)
}

/** Checks that data has exactly the selected keys, in their order, each of the schema's type. */
export function expectShape(selected: Selected[], data: Record<string, unknown>, parent?: string) {
  const shown = selected.filter((each) => each.shown)
  expect(Object.keys(data)).toEqual(shown.map(({ key }) => key))
  for (const { key, type, inner } of shown) {
    if (type === '__typename') expect(data[key]).toBe(parent)
    else expectType(type, inner, data[key])
  }
}

function expectType(type: GraphQLOutputType, inner: Selected[], value: unknown): void {
  if (isNonNullType(type)) {
    expect(value).not.toBeNull()
    expectType(type.ofType, inner, value)
  } else if (value !== null) {
    expectPresent(type, inner, value)
  }
}

function expectPresent(type: GraphQLNullableType, inner: Selected[], value: unknown) {
  if (isListType(type)) {
    expect(value).toBeInstanceOf(Array)
    for (const each of value as unknown[]) expectType(type.ofType as GraphQLOutputType, inner, each)
  } else if (isObjectType(type)) {
    expectShape(inner, value as Record<string, unknown>, type.name)
  } else {
    expect(value).toEqual(LEAVES[getNamedType(type).name])
  }
}

const LEAVES: Record<string, unknown> = {
  ID: expect.any(String),
  String: expect.any(String),
  Boolean: expect.any(Boolean),
  Int: expect.any(Number),
  JSON: expect.any(Object),
  DateTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
}
