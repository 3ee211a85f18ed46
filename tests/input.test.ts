import fc from 'fast-check'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { type Endpoint, objectIn } from '../src/contract/operation.ts'
import { operations } from '../src/contract/operations.ts'
import * as serviceEndpoints from '../src/rest/service-endpoints.ts'
import {
  ADAPTERS,
  account,
  type Client,
  documentOf,
  isPlain,
  JSON_TYPE,
  type Operation,
  ROUTES,
} from './support/client.ts'
import { expectDocumented } from './support/documented.ts'
import {
  almost,
  damage,
  HEADERS,
  headerValue,
  oneFieldOff,
  path,
  SECRET,
  secretLiteral,
  text,
  urlPart,
  value,
  wellFormed,
} from './support/hostile.ts'
import { expectShape, randomDocument } from './support/random-documents.ts'
import { BEHIND_PROXY, useServerWithMail } from './support/server.ts'

/** With one fixed seed a failure is caused by the change under test; `FUZZ_RUNS` searches with new seeds. */
const FUZZ_RUNS = Number(process.env.FUZZ_RUNS ?? 0)
const RUNS = FUZZ_RUNS || 20
if (FUZZ_RUNS) vi.setConfig({ testTimeout: 600_000 + FUZZ_RUNS * 1000 })

const CALLERS = ['signed out', 'COOKIE', 'TOKEN'] as const
const NAMES = Object.keys(ROUTES) as Operation[]

const server = useServerWithMail({
  ...BEHIND_PROXY,
  ALLOWED_ORIGINS: 'https://app.example.com',
})
let clients: { COOKIE: Client; TOKEN: Client }
beforeAll(() => {
  clients = { COOKIE: server.client('REST', 'COOKIE'), TOKEN: server.client() }
})

async function holds<Given>(given: fc.Arbitrary<Given>, promise: (given: Given) => Promise<unknown>) {
  await fc.assert(
    fc.asyncProperty(given, async (each) => void (await promise(each))),
    { numRuns: RUNS, ...(!FUZZ_RUNS && { seed: 1 }) },
  )
}

/** The headers of a caller; registers a new user when earlier input has ended the session. */
async function credentials(caller: (typeof CALLERS)[number]): Promise<Record<string, string>> {
  if (caller === 'signed out') return {}
  const client = clients[caller]
  if (!(await client.me()).data) await client.register({ ...account(), password: SECRET })
  const { cookie, accessToken } = client.kept
  return caller === 'COOKIE' ? { cookie: cookie ?? '' } : { authorization: `Bearer ${accessToken}` }
}

const ask = async (where: string, init: RequestInit) => expectDocumented(await server.fetch(where, init))

const askGraphQL = async (body: unknown, given?: Record<string, string>) =>
  expectDocumented(await server.askGraphQL(body, given))

function askRest(operation: Operation, body: BodyInit | undefined, given: Record<string, string>, id = 'x') {
  const [method = '', route = ''] = ROUTES[operation].split(' ')
  const init = method === 'GET' || body === undefined ? { method } : { method, body }
  return ask(route.replace(':id', id), { ...init, headers: { ...JSON_TYPE, ...given } })
}

const requestOf = (operation: Operation, variables: unknown) => ({
  query: documentOf(operation),
  variables,
})

const variablesOf = (operation: Operation, input: unknown) => (isPlain(operation) ? input : { input })

describe('the answer is a documented one', () => {
  describe.each(NAMES)('at %s', (operation) => {
    test('the answer to any JSON by REST is a documented one', () =>
      holds(
        fc.tuple(fc.constantFrom(...CALLERS), fc.oneof({ weight: 3, arbitrary: almost(operation) }, value)),
        async ([caller, input]) => askRest(operation, JSON.stringify(input), await credentials(caller)),
      ))

    test('the answer to any GraphQL variables is a documented one', () => {
      const variables = fc.oneof(
        { weight: 4, arbitrary: almost(operation).map((input) => variablesOf(operation, input)) },
        value.map((input) => variablesOf(operation, input)),
        value,
      )
      return holds(fc.tuple(fc.constantFrom(...CALLERS), variables), async ([caller, given]) =>
        askGraphQL(requestOf(operation, given), await credentials(caller)),
      )
    })
  })

  test('the answer to a body of any bytes is a documented one', () =>
    holds(
      fc.tuple(
        fc.constantFrom(...NAMES),
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }).map((bytes) => new Uint8Array(bytes)),
          text,
          damage(text).map((damaged) =>
            damaged(JSON.stringify({ email: 'a@example.com', password: SECRET })),
          ),
          fc.constantFrom('['.repeat(8000), '{"a":'.repeat(1000), '{"first":1e400}', '\ufeff{}', '"\\ud800"'),
        ),
      ),
      async ([operation, body]) => {
        await askRest(operation, body, {})
        await ask('/graphql', { method: 'POST', headers: JSON_TYPE, body })
      },
    ))

  test('the answer to any parameter of a GraphQL request is a documented one', () =>
    holds(
      oneFieldOff({
        query: fc.constantFrom('{ me { id } }', 'query A { me { id } } query B { me { id } }'),
        operationName: fc.constantFrom('A', 'B'),
        variables: fc.constant({}),
        extensions: fc.constant({}),
      }),
      (parameters) => askGraphQL(parameters),
    ))

  test.each(NAMES)(
    'the answer to any selection and arguments of %s is a documented one',
    async (operation) => {
      let executed = 0
      await holds(
        fc.tuple(fc.constantFrom(...CALLERS), randomDocument(operation)),
        async ([caller, { query, variables, selected }]) => {
          const response = await server.askGraphQL({ query, variables }, await credentials(caller))
          await expectDocumented(response.clone())
          const { data, errors } = await response.json()
          if (data) expectShape(selected, data)
          else expect(errors?.length, query).toBeGreaterThan(0)
          if (data !== undefined) executed++
        },
      )
      // Documents that are refused before execution test little.
      expect(executed).toBeGreaterThan(RUNS / 2)
    },
  )

  test('the answer to a damaged document is a documented one', () =>
    holds(
      fc.constantFrom(...NAMES).chain((operation) =>
        fc.tuple(
          fc.array(damage(text), { minLength: 1, maxLength: 3 }),
          fc.constant(documentOf(operation)),
          wellFormed(operation).map((input) => variablesOf(operation, input)),
        ),
      ),
      ([damages, document, variables]) =>
        askGraphQL({ query: damages.reduce((whole, damaged) => damaged(whole), document), variables }),
    ))

  test('the answer to values inside a document is a documented one and does not repeat them', () =>
    holds(
      fc.tuple(
        fc.constantFrom('email', 'password', 'token', 'unknown'),
        secretLiteral,
        fc.constantFrom('login', 'verifyEmail', 'revokeSession', 'events', 'me'),
        fc.oneof(
          fc.constant((whole: string) => whole),
          damage(text),
        ),
      ),
      async ([field, literal, operation, damaged]) => {
        const asked = operation === 'events' || operation === 'me' ? 'query' : 'mutation'
        for (const given of [
          `input: { ${field}: ${literal} }`,
          `input: ${literal}`,
          `id: ${literal}`,
          `first: ${literal}`,
        ])
          await askGraphQL({ query: damaged(`${asked} { ${operation}(${given}) { __typename } }`) })
      },
    ))

  test.each(Object.entries(HEADERS))('the answer to any %s header is a documented one', (name, header) =>
    holds(
      fc.constantFrom(...NAMES).chain((operation) =>
        fc.record({
          operation: fc.constant(operation),
          input: wellFormed(operation),
          caller: fc.constantFrom(...CALLERS),
          header,
        }),
      ),
      async ({ operation, input, caller, header }) => {
        const given = { ...(await credentials(caller)), [name]: header }
        await askRest(operation, JSON.stringify(input), given)
        await askGraphQL(requestOf(operation, variablesOf(operation, input)), given)
      },
    ),
  )

  test('the answer to a damaged credential is a documented one', () =>
    holds(damage(headerValue), async (damaged) => {
      await Promise.all([credentials('COOKIE'), credentials('TOKEN')])
      const { accessToken, refreshToken } = clients.TOKEN.kept
      const [name, secret] = clients.COOKIE.kept.cookie?.split('=') ?? []
      const given = [
        { authorization: `Bearer ${damaged(accessToken ?? '')}` },
        { authorization: `Bearer ${damaged(refreshToken ?? '')}` },
        { cookie: `${name}=${damaged(secret ?? '')}` },
      ]
      for (const operation of ['me', 'refresh', 'logout'] as const) {
        for (const each of given) {
          await askRest(operation, undefined, each)
          await askGraphQL(requestOf(operation, {}), each)
        }
        for (const token of [accessToken, refreshToken]) {
          const input = { refreshToken: damaged(token ?? '') }
          await askRest(operation, JSON.stringify(input), {})
          await askGraphQL(requestOf(operation, { input }))
        }
      }
    }))

  test('the answer at any path by any method is a documented one', () =>
    holds(
      fc.tuple(
        fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'),
        path,
        urlPart,
        fc.constantFrom(...CALLERS),
      ),
      async ([method, where, query, caller]) =>
        ask(`${where}?${query}`, { method, headers: { ...JSON_TYPE, ...(await credentials(caller)) } }),
    ))

  test('the answer to any session id and any query is a documented one', () =>
    holds(fc.tuple(urlPart, fc.constantFrom(...CALLERS)), async ([part, caller]) => {
      const given = await credentials(caller)
      await askRest('revokeSession', undefined, given, part)
      await ask(`/auth/events?first=${part}`, { headers: given })
      await ask(`/auth/events?${part}=${part}&first=${part}`, { headers: given })
    }))
})

test.each(ADAPTERS)('every field refuses control characters and lone surrogates, by %s', (adapter) => {
  const inputs = NAMES.filter((name) => /input:/.test(documentOf(name)))
  const poisoned = fc
    .constantFrom(...inputs)
    .chain((operation) => fc.tuple(fc.constant(operation), wellFormed(operation)))
    .chain(([operation, input]) =>
      fc.record({
        operation: fc.constant(operation),
        input: fc.constant(input),
        field: fc.constantFrom(...Object.keys(input)),
        poison: fc.constantFrom('\0', '\t', '\n', '\x1f', '\x7f', '\x85', '\ud800', '\udfff'),
        at: fc.nat(8),
      }),
    )
    // The path of a URL cannot carry a lone surrogate.
    .filter(
      ({ operation, field, poison }) =>
        adapter === 'GraphQL' || poison.isWellFormed() || !ROUTES[operation].includes(`:${field}`),
    )
  return holds(poisoned, async ({ operation, input, field, poison, at }) => {
    const poisonAt = (right: string) => right.slice(0, at) + poison + right.slice(at)
    const poisonEach = (value: unknown) =>
      typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, poisonAt(String(inner))]))
        : poisonAt(String(value))
    const wrong = { ...input, [field]: poisonEach(input[field]) }
    const { code, fields } = await server.client(adapter, 'COOKIE').call(operation, wrong)

    expect(code).toBe('INVALID_INPUT')
    expect(fields?.map((each) => each.path.split('.')[0])).toContain(field)
  })
})

test('no field is normalised before its length is known, because accents on accents take quadratic time', () => {
  const normalize = vi.spyOn(String.prototype, 'normalize')
  const accents = '\u0316\u0301'.repeat(1000)

  for (const { input } of Object.values<Endpoint>({ ...operations, ...serviceEndpoints })) {
    for (const field of input ? Object.values(objectIn(input).shape) : []) {
      for (const given of [accents, `a@${accents}.com`]) field.safeParse(given)
    }
  }

  const lengths = normalize.mock.contexts.map((text) => String(text).length)
  normalize.mockRestore()
  expect(Math.max(0, ...lengths)).toBeLessThan(accents.length)
})

describe('addresses that look alike', () => {
  /** A letter in lower case, upper case, full width, mathematical bold, and letters that fold into it. */
  const forms = (letter: string) => [
    letter,
    letter.toUpperCase(),
    shifted(letter, 0xfee0),
    /[a-z]/.test(letter) ? shifted(letter, 0x1d41a - 0x61) : letter,
    { k: '\u212a', s: 'ſ' }[letter] ?? letter,
  ]
  const shifted = (letter: string, by: number) => String.fromCodePoint((letter.codePointAt(0) ?? 0) + by)
  const disguised = (email: string) =>
    fc
      .tuple(...[...email].map((letter) => fc.constantFrom(...forms(letter))))
      .map((letters) => letters.join(''))

  test('addresses that differ in letter forms only are one account', async () => {
    const { email, password } = { email: 'look.alike-task@example.com', password: SECRET }
    const { data: owner } = await server.client().register({ email, password })
    const space = fc.constantFrom('', ' ', '\u3000', '\u00a0', '\ufeff')

    await holds(fc.tuple(space, disguised(email), space), async (parts) => {
      const input = { email: parts.join(''), password }
      const again = await server.client('GraphQL', 'TOKEN').register(input)
      const login = await server.client().login(input)

      expect(again.code).toBe('EMAIL_TAKEN')
      expect(login.data?.user.id).toBe(owner?.user.id)
    })
  })

  test('look-alike addresses that stay different are refused', () =>
    holds(
      fc.tuple(
        fc.constantFrom('а', 'ı', 'і', '\u200b', '\u00ad', '\u202e', '\u2024\u2024', '\0'),
        fc.nat('someone@example.com'.length),
      ),
      async ([strange, at]) => {
        const email = `${'someone@example.com'.slice(0, at)}${strange}${'someone@example.com'.slice(at)}`
        const { code } = await server.client().register({ email, password: SECRET })
        expect(code).toBe('INVALID_INPUT')
      },
    ))
})

test('no stored value has a control character or exceeds its column', async () => {
  const columns = await server.sql`
    select table_name as table, column_name as column, character_maximum_length as most
    from information_schema.columns
    where table_schema = 'public' and data_type in ('text', 'character varying')`

  for (const { table, column, most } of columns) {
    const name = server.sql(column)
    const tooMuch = await server.sql`
      select ${name} as value from ${server.sql(table)}
      where ${name} ~ '[\x01-\x1f\x7f-\x9f]' or char_length(${name}) > ${most ?? 500}`
    expect(tooMuch, `${table}.${column}`).toEqual([])
  }
  expect(columns.length).toBeGreaterThan(15)
})
