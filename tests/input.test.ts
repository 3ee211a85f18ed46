import fc from 'fast-check'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { account, type Client, DOORS, OPERATIONS, type Operation } from './support/client.ts'
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
import { startServerWithMail } from './support/server.ts'

/** One seed by default, so that a red run is the change's own fault; `FUZZ_RUNS` looks for what is new. */
const FUZZ_RUNS = Number(process.env.FUZZ_RUNS ?? 0)
const RUNS = FUZZ_RUNS || 60
vi.setConfig({ testTimeout: 30_000 + FUZZ_RUNS * 1000 })

const CALLERS = ['nobody', 'COOKIE', 'TOKEN'] as const
const NAMES = Object.keys(OPERATIONS) as Operation[]
const JSON_TYPE = { 'content-type': 'application/json' }

let server: Awaited<ReturnType<typeof startServerWithMail>>
let clients: { COOKIE: Client; TOKEN: Client }
beforeAll(async () => {
  server = await startServerWithMail({
    TRUSTED_PROXIES: '192.0.2.1',
    ALLOWED_ORIGINS: 'https://app.example.com',
  })
  clients = { COOKIE: server.client('REST', 'COOKIE'), TOKEN: server.client('REST', 'TOKEN') }
})

async function holds<Given>(given: fc.Arbitrary<Given>, promise: (given: Given) => Promise<unknown>) {
  await fc.assert(
    fc.asyncProperty(given, async (each) => void (await promise(each))),
    { numRuns: RUNS, ...(!FUZZ_RUNS && { seed: 1 }) },
  )
}

/** The headers of a caller; one who is to be signed in is, whatever happened to the account before. */
async function credentials(caller: (typeof CALLERS)[number]): Promise<Record<string, string>> {
  if (caller === 'nobody') return {}
  const client = clients[caller]
  if (!(await client.me()).data) await client.register({ ...account(), password: SECRET })
  const { cookie, accessToken } = client.kept
  return caller === 'COOKIE' ? { cookie: cookie ?? '' } : { authorization: `Bearer ${accessToken}` }
}

const ask = async (where: string, init: RequestInit) => expectDocumented(await server.fetch(where, init))

const askGraphQL = (body: unknown, given: Record<string, string> = {}) =>
  ask('/graphql', { method: 'POST', headers: { ...JSON_TYPE, ...given }, body: JSON.stringify(body) })

function askRest(operation: Operation, body: BodyInit | undefined, given: Record<string, string>, id = 'x') {
  const [method = '', route = ''] = OPERATIONS[operation].rest.split(' ')
  const init = method === 'GET' || body === undefined ? { method } : { method, body }
  return ask(route.replace(':id', id), { ...init, headers: { ...JSON_TYPE, ...given } })
}

const requestOf = (operation: Operation, variables: unknown) => ({
  query: String(OPERATIONS[operation].document),
  variables,
})

const variablesOf = (operation: Operation, input: unknown) =>
  'plain' in OPERATIONS[operation] ? input : { input }

describe('whatever the input, the answer is a documented one', () => {
  describe.each(NAMES)('at %s', (operation) => {
    test('by REST', () =>
      holds(
        fc.tuple(fc.constantFrom(...CALLERS), fc.oneof({ weight: 3, arbitrary: almost(operation) }, value)),
        async ([caller, input]) => askRest(operation, JSON.stringify(input), await credentials(caller)),
      ))

    test('by GraphQL in variables', () => {
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

  test('in a body of any bytes', () =>
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

  test('in any parameter of a GraphQL request', () =>
    holds(
      oneFieldOff({
        query: fc.constantFrom('{ me { id } }', 'query A { me { id } } query B { me { id } }'),
        operationName: fc.constantFrom('A', 'B'),
        variables: fc.constant({}),
        extensions: fc.constant({}),
      }),
      (parameters) => askGraphQL(parameters),
    ))

  test.each(NAMES)('in a document of any selection and arguments that asks for %s', async (operation) => {
    let executed = 0
    await holds(
      fc.tuple(fc.constantFrom(...CALLERS), randomDocument(operation)),
      async ([caller, { query, variables, selected }]) => {
        const response = await server.fetch('/graphql', {
          method: 'POST',
          headers: { ...JSON_TYPE, ...(await credentials(caller)) },
          body: JSON.stringify({ query, variables }),
        })
        await expectDocumented(response.clone())
        const { data, errors } = await response.json()
        if (data) expectShape(selected, data)
        else expect(errors?.length, query).toBeGreaterThan(0)
        if (data !== undefined) executed++
      },
    )
    // What is refused before it is executed tells little.
    expect(executed).toBeGreaterThan(RUNS / 2)
  })

  test('in a document that is damaged', () =>
    holds(
      fc.constantFrom(...NAMES).chain((operation) =>
        fc.tuple(
          fc.array(damage(text), { minLength: 1, maxLength: 3 }),
          fc.constant(String(OPERATIONS[operation].document)),
          wellFormed(operation).map((input) => variablesOf(operation, input)),
        ),
      ),
      ([damages, document, variables]) =>
        askGraphQL({ query: damages.reduce((whole, damaged) => damaged(whole), document), variables }),
    ))

  test('in a document with values in it, which are not repeated', () =>
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

  test.each(Object.entries(HEADERS))('with any %s', (name, header) =>
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

  test('with a credential that is damaged', () =>
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

  test('at any path, by any method', () =>
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

  test('for any session id in the path and any query', () =>
    holds(fc.tuple(urlPart, fc.constantFrom(...CALLERS)), async ([part, caller]) => {
      const given = await credentials(caller)
      await askRest('revokeSession', undefined, given, part)
      await ask(`/auth/events?first=${part}`, { headers: given })
      await ask(`/auth/events?${part}=${part}&first=${part}`, { headers: given })
    }))
})

test.each(DOORS)('no field takes a control character or half a surrogate pair, by %s', (door) => {
  const inputs = NAMES.filter((name) => /input:/.test(String(OPERATIONS[name].document)))
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
  return holds(poisoned, async ({ operation, input, field, poison, at }) => {
    const right = String(input[field])
    const wrong = { ...input, [field]: right.slice(0, at) + poison + right.slice(at) }
    const { code, fields } = await server.client(door, 'COOKIE').call(operation, wrong)

    expect(code).toBe('INVALID_INPUT')
    expect(fields?.map((each) => each.path)).toContain(field)
  })
})

describe('addresses that look alike', () => {
  /** A letter as it is, in capitals, full-width, in mathematical bold, and where other letters fold into it. */
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

  test('are one account', async () => {
    const { email, password } = { email: 'look.alike-task@example.com', password: SECRET }
    const { data: owner } = await server.client('REST', 'TOKEN').register({ email, password })
    const space = fc.constantFrom('', ' ', '\u3000', '\u00a0', '\ufeff')

    await holds(fc.tuple(space, disguised(email), space), async (parts) => {
      const input = { email: parts.join(''), password }
      const again = await server.client('GraphQL', 'TOKEN').register(input)
      const login = await server.client('REST', 'TOKEN').login(input)

      expect(again.code).toBe('EMAIL_TAKEN')
      expect(login.data?.user.id).toBe(owner?.user.id)
    })
  })

  test('are refused where they stay different', () =>
    holds(
      fc.tuple(
        fc.constantFrom('а', 'ı', 'і', '\u200b', '\u00ad', '\u202e', '\u0301', '\u2024\u2024', '\0'),
        fc.nat('someone@example.com'.length),
      ),
      async ([strange, at]) => {
        const email = `${'someone@example.com'.slice(0, at)}${strange}${'someone@example.com'.slice(at)}`
        const { code } = await server.client('REST', 'TOKEN').register({ email, password: SECRET })
        expect(code).toBe('INVALID_INPUT')
      },
    ))
})

test('nothing that was stored holds a control character or more than its column may', async () => {
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
