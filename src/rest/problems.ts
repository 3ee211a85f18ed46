import { z } from 'zod'
import { codesOf, type Endpoint } from '../contract/operation.ts'
import { AuthError, CODES, type Code, NO_FACTOR, type Reason } from '../errors.ts'
import { outputSchema } from './output-schema.ts'

const optionalText = (description: string, example: string) =>
  z
    .string()
    .optional()
    .meta({ description, examples: [example] })
const seconds = (description: string, example: number) =>
  z
    .int()
    .min(1)
    .meta({ description, examples: [example] })

/** The members that some codes add to a problem. */
const DETAILS: Partial<Record<Code, Record<string, z.ZodType>>> = {
  INVALID_INPUT: {
    fields: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .min(1)
      .meta({
        description: 'Every field that is not valid, with its path in dotted names.',
        examples: [[{ path: 'email', message: 'Must be an e-mail address.' }]],
      }),
  },
  UNAUTHENTICATED: {
    reason: z.enum(['MISSING', 'INVALID', 'EXPIRED', 'REVOKED'] satisfies Reason[]).meta({
      description: 'With `EXPIRED` the client refreshes, with the others it signs in.',
      examples: ['EXPIRED'],
    }),
    detail: z.string().optional().meta({ description: 'What is needed, if it is no sign-in.' }),
  },
  FORBIDDEN: {
    permission: optionalText('The permission that the caller lacks.', 'tokens:introspect'),
    detail: optionalText(
      'What is missing, or why.',
      'The service key does not have the scope tokens:introspect.',
    ),
  },
  NOT_FOUND: {
    detail: optionalText('What to do first.', NO_FACTOR),
  },
  UNSUPPORTED_MEDIA_TYPE: {
    detail: optionalText(
      'What to change, if the media type is right.',
      'Send the body without Content-Encoding.',
    ),
  },
  SECOND_FACTOR_REQUIRED: {
    challenge: z
      .strictObject({
        id: z.string().meta({ description: 'For `completeLogin`. Keep it safe.' }),
        methods: z.array(z.enum(['totp', 'passkey', 'recoveryCode'])),
        expiresAt: z.iso.datetime(),
      })
      .meta({
        description: 'What completes the sign-in.',
        examples: [
          {
            id: '5b1f0c8e-2d6a-4f3b-9c0d-7e4a1b2c3d4e',
            methods: ['totp', 'recoveryCode'],
            expiresAt: '2026-11-24T10:25:00.000Z',
          },
        ],
      }),
  },
  REAUTHENTICATION_REQUIRED: {
    acr: z
      .enum(['aal1', 'aal2'])
      .meta({ description: '`aal2` if a second factor is needed.', examples: ['aal2'] }),
    maxAge: seconds('For how many seconds the proof counts.', 300),
    methods: z.array(z.enum(['password', 'totp', 'passkey', 'recoveryCode'])).meta({
      description: 'The ways to prove it. Empty if the account must first enrol a factor.',
      examples: [['totp', 'recoveryCode']],
    }),
    detail: optionalText('What to do first, if `methods` is empty.', NO_FACTOR),
  },
  TOO_MANY_REQUESTS: { retryAfter: seconds('In seconds.', 30) },
  SERVICE_UNAVAILABLE: { retryAfter: seconds('In seconds.', 1) },
}

const header = (description: string, schema: object) => ({ description, required: true, schema })
const RETRY_AFTER = { 'Retry-After': header('In seconds.', { type: 'integer', minimum: 1, examples: [1] }) }

/** The headers that a status adds. */
const HEADERS: Record<number, object> = {
  401: {
    'WWW-Authenticate': header('The scheme of the credentials.', { type: 'string', examples: ['Bearer'] }),
  },
  405: {
    Allow: header('The methods of the path.', { type: 'string', examples: ['GET, HEAD, PUT, DELETE'] }),
  },
  429: RETRY_AFTER,
  503: RETRY_AFTER,
}

/** The refusals with one status, and their name in the document. */
type Refusals = { status: number; name: string; codes: Code[] }

/** All refusals of an endpoint by status, with those that any request can get. */
export function refusalsOf(endpoint: Endpoint): Refusals[] {
  const ofAny = endpoint.rest.method === 'GET' ? OF_ANY : OF_UNSAFE
  const codes = new Set([...codesOf(endpoint), ...ofAny])
  const byStatus = Map.groupBy([...codes].sort(), (code) => new AuthError(code).status)
  return [...byStatus].map(([status, codes]) => ({ status, name: codes.join('_or_'), codes }))
}

const OF_ANY: Code[] = ['UNSUPPORTED_MEDIA_TYPE', 'INTERNAL']
const OF_UNSAFE: Code[] = [
  ...OF_ANY,
  'INVALID_INPUT',
  'FORBIDDEN_ORIGIN',
  'REQUEST_TIMEOUT',
  'PAYLOAD_TOO_LARGE',
]

/** The responses that operations refer to by name, and those of unknown paths and methods. */
export function refusalTable(used: Refusals[], headers: object) {
  const elsewhere: Refusals[] = [
    { status: 404, name: 'NOT_FOUND', codes: ['NOT_FOUND'] },
    { status: 405, name: 'METHOD_NOT_ALLOWED', codes: ['METHOD_NOT_ALLOWED'] },
  ]
  return Object.fromEntries(
    [...used, ...elsewhere].map(({ status, name, codes }) => {
      return [
        name,
        {
          description: codes.map((code) => `\`${code}\`: ${new AuthError(code).message}`).join('\n\n'),
          headers: { ...headers, ...HEADERS[status] },
          content: {
            'application/problem+json': {
              schema: outputSchema(schemaOf(codes)),
              examples: Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }])),
            },
          },
        },
      ]
    }),
  )
}

/** The problem details (RFC 9457) of a code, by the table of `src/errors.ts`. */
function createProblem(code: Code): z.ZodType {
  const { status, message } = new AuthError(code)
  return z
    .strictObject({
      type: z.literal('about:blank'),
      title: z.string().meta({ examples: [message] }),
      // Without the type, Kotlin gets an enumeration of decimals, which does not compile.
      status: z.literal(status).meta({ type: 'integer' }),
      code: z.literal(code),
      ...DETAILS[code],
    })
    .meta({ id: nameOf([code]), description: message })
}

/** The problem of one of these codes. With the discriminator, generated clients know which one it is. */
function schemaOf(codes: Code[]): z.ZodType {
  const [first, ...others] = codes.map((code) => PROBLEMS[code])
  if (!first || others.length === 0) return first ?? z.never()
  const mapping = Object.fromEntries(codes.map((code) => [code, `#/components/schemas/${nameOf([code])}`]))
  return z
    .discriminatedUnion('code', [first, ...others] as never)
    .meta({ id: nameOf(codes), discriminator: { propertyName: 'code', mapping } })
}

const PROBLEMS = Object.fromEntries(CODES.map((code) => [code, createProblem(code)])) as Record<
  Code,
  z.ZodType
>

/** A problem as it is sent. */
function exampleOf(code: Code) {
  const { status, message } = new AuthError(code)
  const details = Object.entries(DETAILS[code] ?? {}).flatMap(([name, schema]) => {
    const { examples } = schema.meta() as { examples?: unknown[] }
    return examples ? [[name, examples[0]]] : []
  })
  return { type: 'about:blank', title: message, status, code, ...Object.fromEntries(details) }
}

function nameOf(codes: Code[]) {
  const pascal = (code: Code) =>
    code.replace(/_?([A-Z])([A-Z]*)/g, (_, first: string, rest: string) => first + rest.toLowerCase())
  return `${codes.map(pascal).join('Or')}Problem`
}
