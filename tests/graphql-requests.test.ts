import { describe, expect, test } from 'vitest'
import { useServer } from './support/server.ts'

/** The extension of automatic persisted queries. */
const HASH = { persistedQuery: { version: 1, sha256Hash: '0'.repeat(64) } }

const server = useServer()

describe('GraphQL requests', () => {
  test.each([
    ['GRAPHQL_PARSE_FAILED', '{ me {'],
    ['GRAPHQL_VALIDATION_FAILED', '{ me { password } }'],
    ['GRAPHQL_VALIDATION_FAILED', '{ __schema { types { name } } }'],
    ['GRAPHQL_VALIDATION_FAILED', 'mutation { refresh }'],
  ])('%s is answered with status 400', async (code, query) => {
    const response = await server.askGraphQL({ query })

    expect(response.status).toBe(400)
    const { errors, data } = await response.json()
    expect(errors[0].extensions).toEqual({ code })
    expect(data).toBeUndefined()
  })

  test('the answer to invalid variables does not repeat their values', async () => {
    const query = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }'

    const response = await server.askGraphQL({
      query,
      variables: { input: { email: 5, password: 'a secret password' } },
    })
    const text = await response.text()

    expect(response.status).toBe(400)
    expect(text).toContain('"path":"email"')
    expect(text).not.toContain('a secret password')
  })

  test('the answer to an invalid variable names its field, not a key within its value', async () => {
    const query = 'mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) }'

    const response = await server.askGraphQL({
      query,
      variables: { input: { token: { 'at "a.': 4711471147 } } },
    })
    const text = await response.text()

    expect(text).toContain('"path":"token"')
    expect(text).not.toContain('4711471147')
  })

  test.each([
    'mutation { login(input: "a secret password") { accessToken } }',
    'mutation { login(input: { email: ["a secret password"], password: "x" }) { accessToken } }',
    'mutation { login(input: { email: "a@example.com" "a secret password" }) { accessToken } }',
    'mutation { verifyEmail(input: { token: { a: "a secret password" } }) }',
    '"" "a secret password"',
  ])('the answer does not repeat the values of %s', async (query) => {
    const response = await server.askGraphQL({ query })
    const text = await response.text()

    expect(response.status).toBe(400)
    expect(text).toContain('"line":1,"column":')
    expect(text).not.toContain('a secret password')
  })

  test('the answer has the media type that the client accepts', async () => {
    const query = { query: '{ me { id } }' }
    const standard = await server.askGraphQL(query, { accept: 'application/graphql-response+json' })
    const legacy = await server.askGraphQL(query, { accept: '*/*' })

    expect(standard.headers.get('content-type')).toBe('application/graphql-response+json; charset=utf-8')
    expect(legacy.headers.get('content-type')).toBe('application/json; charset=utf-8')
  })

  test.each([
    ['application/json, application/graphql-response+json;q=0.5', 'json'],
    ['application/graphql-response+json;q=0, */*', 'json'],
    ['application/graphql-response+jsonx', 'json'],
    ['application/*', 'json'],
    ['text/html', 'json'],
    ['APPLICATION/GraphQL-Response+JSON; charset=utf-8', 'graphql-response+json'],
    ['application/json;q=0.9, application/graphql-response+json', 'graphql-response+json'],
    ['application/graphql-response+json,application/json;q=0.9', 'graphql-response+json'],
  ])('answers and refusals for the Accept header %s are of the type %s', async (accept, type) => {
    const answers = [
      await server.askGraphQL({ query: '{ me { id } }' }, { accept }),
      await server.askGraphQL({ query: '{ me' }, { accept }),
      await server.askGraphQL({}, { accept }),
      await server.askGraphQL({ query: '' }, { accept, origin: 'https://evil.example' }),
    ]

    expect(answers.map(({ status }) => status)).toEqual([200, 400, 400, 403])
    for (const { headers } of answers) {
      expect(headers.get('content-type')).toBe(`application/${type}; charset=utf-8`)
    }
  })

  test.each([
    { extensions: HASH },
    { extensions: HASH, query: null, variables: {}, operationName: 'Me' },
    { extensions: HASH, query: '' },
  ])('%j names a persisted query, which the client must send in full', async (parameters) => {
    const legacy = await server.askGraphQL(parameters)
    const standard = await server.askGraphQL(parameters, { accept: 'application/graphql-response+json' })

    expect([legacy.status, standard.status]).toEqual([200, 400])
    for (const answer of [legacy, standard]) {
      expect((await answer.json()).errors).toEqual([
        { message: 'PersistedQueryNotSupported', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } },
      ])
    }
  })

  test.each([
    { operationName: '' },
    { operationName: null },
    { variables: '' },
    { variables: null },
    { extensions: '' },
    { extensions: HASH },
    { documentId: 'unknown' },
  ])('a request with %j is executed', async (parameters) => {
    const answer = await server.askGraphQL({ query: 'query Me { me { id } }', ...parameters })

    expect(await answer.json()).toEqual({ data: { me: null } })
  })

  const TWO = 'query A { me { id } } mutation B { logout }'
  test.each([
    [{ query: TWO }, 'operationName', 'Invalid option: expected one of "A"|"B"'],
    [{ query: TWO, operationName: '' }, 'operationName', 'Invalid option: expected one of "A"|"B"'],
    [{ query: TWO, operationName: 'a' }, 'operationName', 'Invalid option: expected one of "A"|"B"'],
    [
      { query: '{ me { id } }', operationName: 'A' },
      'operationName',
      'The operation of the document has no name.',
    ],
    [{ query: TWO, operationName: 5 }, 'operationName', 'Must be a string.'],
    [{ query: TWO, variables: '{}' }, 'variables', 'Must be an object.'],
    [{ query: TWO, variables: [] }, 'variables', 'Must be an object.'],
    [{ query: TWO, extensions: 1 }, 'extensions', 'Must be an object.'],
    [{ documentId: 'unknown' }, 'query', 'Is required.'],
    [{ query: 5 }, 'query', 'Must be a string.'],
    [[{ query: TWO }], '', 'Batches are not accepted. Send each operation in a request of its own.'],
    ['query', '', 'Must be an object with the member "query".'],
  ])('%j is refused with a fault that says what to send', async (parameters, path, message) => {
    const answer = await server.askGraphQL(parameters)

    expect(answer.status).toBe(400)
    expect((await answer.json()).errors).toMatchObject([{ extensions: { fields: [{ path, message }] } }])
  })

  const login = (transport: string) =>
    `mutation ($t: String) { login(input: { email: "a@b.example", password: $t, transport: ${transport} }) { accessToken } }`
  test.each([
    [login('PIGEON'), 'Invalid option: expected one of "COOKIE"|"TOKEN"'],
    [login('"COOKIE"'), 'Invalid option: expected one of "COOKIE"|"TOKEN"'],
    ['{ events(first: "many") { id } }', 'Invalid input: expected Int'],
    ['mutation { logout(input: { refreshToken: 5 }) }', 'Invalid input: expected String'],
    ['mutation { logout(input: "all") }', 'Invalid input: expected LogoutInput'],
    [
      'mutation { verifyEmail(input: {}) }',
      'Field "VerifyEmailInput.token" of required type "String!" was not provided.',
    ],
  ])('a value that does not fit in %s is told what it should be', async (query, message) => {
    const answer = await server.askGraphQL({ query })

    expect((await answer.json()).errors).toContainEqual(expect.objectContaining({ message }))
  })

  test.each([
    [{}, 'proof', 'Must have exactly one of the fields.'],
    [{ totp: '123456', recoveryCode: 'x' }, 'proof', 'Must have exactly one of the fields.'],
    [[], 'proof', 'Invalid input: expected FactorProof'],
    ['123456', 'proof', 'Invalid input: expected FactorProof'],
    [{ totp: 123456 }, 'proof.totp', 'Invalid input: expected String'],
    [{ code: '123456' }, 'proof.code', 'Is not a known field.'],
  ])('a proof of %j is refused with its field and what it should be', async (proof, path, message) => {
    const query = 'mutation ($input: CompleteLoginInput!) { completeLogin(input: $input) { accessToken } }'

    const answer = await server.askGraphQL({
      query,
      variables: { input: { challenge: crypto.randomUUID(), proof } },
    })

    expect((await answer.json()).errors).toMatchObject([{ extensions: { fields: [{ path, message }] } }])
  })

  test('an argument that is a variable of the wrong type is named by the variable', async () => {
    const query = 'query ($many: Int) { events(first: $many) { id } }'

    const answer = await server.askGraphQL({ query, variables: { many: 'all' } })

    expect((await answer.json()).errors).toMatchObject([
      { extensions: { fields: [{ path: 'many', message: 'Invalid input: expected Int' }] } },
    ])
  })
})

describe('GraphQL by GET', () => {
  const HTML = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
  const PARAMETERS = [
    'query=',
    'extensions=%7B%7D',
    'query=%7Bme%7Bid%7D%7D',
    'query=mutation%7Blogout%7D',
    'variables=%7B%7D',
  ]
  const page = useServer({ GRAPHIQL: 'true' })

  test.each(PARAMETERS)('?%s is refused in JSON, with and without GraphiQL', async (parameters) => {
    const ask = ({ fetch }: typeof server, accept: string) =>
      fetch(`/graphql?${parameters}`, { headers: { accept } })
    const answers = [
      await ask(server, HTML),
      await ask(server, '*/*'),
      await ask(page, '*/*'),
      await ask(page, 'application/json'),
    ]

    for (const answer of answers) {
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
      expect((await answer.json()).errors).toEqual([
        { message: 'Send GraphQL operations by POST.', extensions: { code: 'METHOD_NOT_ALLOWED' } },
      ])
    }
    // GraphiQL keeps the query in the address of its page.
    expect((await ask(page, HTML)).status).toBe(200)
  })

  test('the page of GraphiQL is for browsers, and not for clients that accept only JSON', async () => {
    const byType = async (accept: string) =>
      (await page.fetch('/graphql', { headers: { accept } })).headers.get('content-type')

    expect(await byType(HTML)).toBe('text/html; charset=utf-8')
    expect(await byType('*/*')).toBe('text/html; charset=utf-8')
    expect(await byType('application/json')).toBe('application/json; charset=utf-8')
    expect(await byType('application/graphql-response+json, application/json;q=0.9')).toBe(
      'application/graphql-response+json; charset=utf-8',
    )
    expect((await page.fetch('/graphql')).headers.get('vary')).toContain('Accept')
  })
})
