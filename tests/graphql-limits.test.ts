import { ValidationContext } from 'graphql'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { useServer } from './support/server.ts'

const server = useServer()

async function ask(query: string) {
  const response = await server.askGraphQL({ query })
  return { status: response.status, ...(await response.json()) }
}
const repeat = (times: number, part: (index: number) => string) =>
  Array.from({ length: times }, (_, index) => part(index)).join(' ')
const login = (index: number) =>
  `l${index}: login(input: { email: "a@example.com", password: "wrong ${index}" }) { accessToken }`
const nested = (levels: number) => `${'{ a '.repeat(levels)}{ b }${' }'.repeat(levels)}`

describe('a document is refused before execution', () => {
  test.each([
    ['too many tokens', `{ ${repeat(1001, () => 'me')} }`, 'GRAPHQL_PARSE_FAILED'],
    ['a field too often', `{ ${repeat(51, () => 'me { id }')} }`, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'a field too often in fragments',
      `{ me { ...A ...B } } ${repeat(2, (n) => `fragment ${'AB'[n]} on User { ${repeat(26, () => 'id')} }`)}`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['too deep a selection', nested(7), 'GRAPHQL_VALIDATION_FAILED'],
    [
      'too deep a selection by fragments',
      `{ ...A } ${repeat(7, (n) => `fragment ${'ABCDEFGH'[n]} on Query { x { ...${'ABCDEFGH'[n + 1]} } }`)} fragment H on Query { x }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['too many aliases', `{ ${repeat(16, (n) => `a${n}: me { id }`)} }`, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'too many aliases of __typename',
      `{ ${repeat(16, (n) => `a${n}: __typename`)} }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'too many directives',
      `{ me { id ${repeat(11, () => '@include(if: true)')} } }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'fragments that go in circles',
      '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }',
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['two logins by alias', `mutation { ${login(1)} ${login(2)} }`, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'two logins by fragment',
      `mutation { ...A ...B } fragment A on Mutation { ${login(1)} } fragment B on Mutation { ${login(2)} }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'two logins in inline fragments',
      `mutation { ... { ${login(1)} } ... on Mutation { ${login(2)} } }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'a login and a refresh',
      `mutation { ${login(1)} refresh { accessToken } }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'a second login that is skipped',
      `mutation { ${login(1)} ${login(2).replace(') {', ') @skip(if: true) {')} }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['introspection', '{ __schema { queryType { name } } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['introspection by type', '{ __type(name: "User") { name } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['a subscription', 'subscription { me { id } }', 'INVALID_INPUT'],
    ['a deferred fragment', '{ me { ... @defer { id } } }', 'GRAPHQL_VALIDATION_FAILED'],
  ])('a document with %s is refused before execution', async (_, query, code) => {
    const { status, errors, data } = await ask(query)

    expect(status).toBe(400)
    expect(errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code)).toContain(code)
    expect(data).toBeUndefined()
  })

  test('a document with too many tokens is told so, also if it is not complete', async () => {
    for (const end of [' }', '']) {
      const { errors } = await ask(`{ ${repeat(1001, () => 'me')}${end}`)
      expect(errors[0].message).toBe('The document has more than 1000 tokens.')
    }
    const { errors } = await ask(`{ ${repeat(990, () => 'me')} ) }`)
    expect(errors[0].message).toBe('Syntax Error: Unexpected ).')
  })

  test('each fragment of a document is visited once, however often it is spread', async () => {
    const names = Array.from({ length: 14 }, (_, index) => `F${index}`)
    const fanOut = `{ ...F0 } ${names.map((name, index) => `fragment ${name} on Query { ...${names[index + 1] ?? 'End'} ...${names[index + 1] ?? 'End'} }`).join(' ')} fragment End on Query { a: me { id } }`
    const lookUps = vi.spyOn(ValidationContext.prototype, 'getFragment')
    onTestFinished(() => lookUps.mockRestore())

    const { status } = await ask(fanOut)

    expect(status).toBe(400)
    expect(lookUps.mock.calls.length).toBeGreaterThan(2 * names.length)
    // A walk of every path would look up 2 to the 15th fragments.
    expect(lookUps.mock.calls.length).toBeLessThan(20 * names.length)
  })
})

test.each(['', 'revokeOtherSessions'])(
  'of thousands of unknown fields in the variables, few are looked at and 20 are named, beside "%s"',
  async (beside) => {
    const input = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`k${index}`, 1]))
    const query = `mutation ($input: LoginInput!) { login(input: $input) { user { id } } ${beside} }`
    // GraphQL creates an error for each field that it looks at, and searches for similar names.
    const errorsCreated = vi.spyOn(Error, 'captureStackTrace')
    onTestFinished(() => errorsCreated.mockRestore())

    const response = await server.askGraphQL({ query, variables: { input } })

    expect(errorsCreated.mock.calls.length).toBeGreaterThan(0)
    expect(errorsCreated.mock.calls.length).toBeLessThan(300)
    expect(response.status).toBe(400)
    const { errors } = await response.json()
    expect(errors[0].extensions.code).toBe('INVALID_INPUT')
    expect(errors[0].extensions.fields).toHaveLength(20)
  },
)

test('an error does not suggest fields of a schema that is not public', async () => {
  const { errors } = await ask('{ me { emial } }')

  expect(errors[0].message).toBe('Cannot query field "emial" on type "User".')
})

test('50 fields of one name pass, and so do 15 aliases, and one credential mutation beside another mutation', async () => {
  const repeated = await ask(`{ ${repeat(50, () => 'me { id }')} }`)
  const aliases = await ask(`{ ${repeat(15, (n) => `a${n}: me { id }`)} }`)
  const mutation = await ask(`mutation { ${login(1)} revokeOtherSessions }`)

  expect(repeated.status).toBe(200)
  expect(aliases.status).toBe(200)
  expect(mutation.status).toBe(200)
})
