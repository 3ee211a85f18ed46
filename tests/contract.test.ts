import { readFile } from 'node:fs/promises'
import { buildSchema } from 'graphql'
import { expect, test } from 'vitest'
import { fieldLocationsOf, type Operation, objectIn } from '../src/contract/operation.ts'
import { operations } from '../src/contract/operations.ts'
import { refusalsOf } from '../src/rest/problems.ts'

const all = Object.entries<Operation>(operations)
const fieldsOf = ({ input }: Operation) => (input ? Object.keys(objectIn(input).shape) : [])

test('a mutation with a password or a token among its inputs counts as one that handles a credential', () => {
  const unmarked = all.filter(
    ([name, operation]) =>
      operation.kind === 'mutation' &&
      !operation.handlesCredential &&
      // A logout is no attempt: its token only names a session to end.
      name !== 'logout' &&
      fieldsOf(operation).some((field) => /password|token|code|proof/i.test(field)),
  )

  expect(unmarked.map(([name]) => name)).toEqual([])
})

test('every operation has a description, a route of its own and an example if it has a body', () => {
  const routes = all.map(([, { rest }]) => `${rest.method} ${rest.path}`)

  expect(new Set(routes).size).toBe(all.length)
  for (const [name, operation] of all) {
    expect(operation.summary, name).toMatch(/[^.]$/)
    expect(operation.description, name).toMatch(/\.$/)
    if (fieldLocationsOf(operation).body.length > 0) {
      expect(operation.input?.safeParse(operation.example).success, name).toBe(true)
    }
  }
})

test('the GraphQL schema names the refusals that the OpenAPI document names, besides those of any request', async () => {
  const schema = buildSchema(await readFile('schema.graphql', 'utf8'))
  const inSchema = (name: string, { kind }: Operation) => {
    const type = kind === 'query' ? schema.getQueryType() : schema.getMutationType()
    const [, refusals = ''] = type?.getFields()[name]?.description?.split('Refusals: ') ?? []
    return [...refusals.matchAll(/`(\w+)`/g)].map(([, code]) => code)
  }
  const inDocument = (operation: Operation) => refusalsOf(operation).flatMap(({ codes }) => codes)
  const ofAny = ({ rest }: Operation) =>
    refusalsOf({ tag: 'Server', summary: '', description: '', refusals: [], rest }).flatMap(
      ({ codes }) => codes,
    )

  for (const [name, operation] of all) {
    const codes = new Set([...inSchema(name, operation), ...ofAny(operation)])
    expect([...codes].sort(), name).toEqual(inDocument(operation).sort())
  }
})
