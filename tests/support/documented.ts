import { expect } from 'vitest'
import { NO_SERVICE_KEY } from '../../src/contract/caller.ts'
import { SCOPES } from '../../src/contract/service-key.ts'
import { AuthError, type Code, NO_FACTOR } from '../../src/errors.ts'
import { SECRET_DIGITS } from './hostile.ts'

const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': expect.stringContaining('max-age='),
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'x-request-id': expect.stringMatching(/^[\w=-]{1,64}$/),
}

/** Traces of a stack, an SQL statement or a source file. */
const INSIDES =
  /\n\s+at |node_modules|\.ts\b|postgres|drizzle|(select|insert into|update|delete from) "|\/src\//i

/** What a request should change. In REST it is the `detail` of the problem, in GraphQL the message. */
const DETAILS = [
  'Send the body without Content-Encoding.',
  'Send the body with the charset UTF-8.',
  'Send GraphQL operations by POST.',
  NO_FACTOR,
  NO_SERVICE_KEY,
]

const GRAPHQL_CODES = ['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED', 'PERSISTED_QUERY_NOT_SUPPORTED']

/** Checks any answer against the contract: a documented success or refusal, with no detail of the implementation. */
export async function expectDocumented(response: Response) {
  const text = await response.text()
  const { status, headers } = response
  expect(status, text).toBeLessThan(500)
  expect(Object.fromEntries(headers)).toMatchObject(SECURITY_HEADERS)
  expect(text).not.toMatch(INSIDES)
  expect(text).not.toContain(SECRET_DIGITS)
  if (status === 202 || status === 204) return expect(text).toBe('')

  const type = headers.get('content-type') ?? ''
  const body = JSON.parse(text)
  if (type === 'application/problem+json') return expectProblem(status, body)
  expect(type).toMatch(/^application\/(graphql-response\+)?json/)
  if ('errors' in body) return expectGraphQLErrors(status, body)
  return expect([200, 201]).toContain(status)
}

function expectProblem(status: number, body: Record<string, unknown>) {
  const { fields, reason, retryAfter, challenge, acr, maxAge, methods, permission, detail, ...problem } = body
  const { code, message, status: ofCode } = new AuthError(problem.code as Code)
  expect(problem).toEqual({ type: 'about:blank', title: message, status, code })
  expect(status).toBe(ofCode)
  if (permission !== undefined) expect(SCOPES).toContain(permission)
  if (detail !== undefined) expect(DETAILS).toContain(detail)
  expectFields(code, fields)
}

type GraphQLError = { message: string; extensions: { code: string; fields?: unknown } }

function expectGraphQLErrors(status: number, { data, errors }: { data?: unknown; errors: GraphQLError[] }) {
  expect(errors.length).toBeGreaterThan(0)
  for (const { message, extensions } of errors) {
    if (GRAPHQL_CODES.includes(extensions.code)) {
      expect([200, 400]).toContain(status)
      continue
    }
    const refusal = new AuthError(extensions.code as Code)
    expect([refusal.message, ...DETAILS]).toContain(message)
    expect(status).toBe(data === undefined ? refusal.status : 200)
    expectFields(refusal.code, extensions.fields)
  }
}

function expectFields(code: Code, fields: unknown) {
  if (code !== 'INVALID_INPUT') return
  expect(fields).toContainEqual({ path: expect.any(String), message: expect.stringMatching(/^[ -~]+$/) })
}
