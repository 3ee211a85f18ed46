/** What a caller must prove again, how recently (in seconds), and the ways to do so. */
export type StepUp = { acr: string; maxAge: number; methods: string[] }

type Problem = {
  title: string
  detail?: string
  status: number
  code: string
  reason?: string
  fields?: { path: string; message: string }[]
  retryAfter?: number
  challenge?: { id: string; methods: string[]; expiresAt: string }
} & Partial<StepUp>

/** The members of an error answer, as GraphQL has them in `extensions`. */
export type ErrorDetails = Omit<Problem, 'title' | 'detail' | 'status'>

/**
 * An error answer of Servauth. `details` has what belongs to its code: `reason` to `UNAUTHENTICATED`, `fields` to
 * `INVALID_INPUT`, `retryAfter` (in seconds) to `TOO_MANY_REQUESTS`, `challenge` to `SECOND_FACTOR_REQUIRED`, and
 * `acr`, `maxAge` and `methods` to `REAUTHENTICATION_REQUIRED`.
 */
export class ServauthError extends Error {
  override readonly name = 'ServauthError'
  readonly code: string
  readonly details: ErrorDetails

  constructor(message: string, details: ErrorDetails) {
    super(message)
    this.code = details.code
    this.details = details
  }

  get reason() {
    return this.details.reason
  }
  get fields() {
    return this.details.fields
  }
  get retryAfter() {
    return this.details.retryAfter
  }
  get challenge() {
    return this.details.challenge
  }
}

/** Only an answer of Servauth means that the session is over. A server that is down does not. */
export const isSessionOver = (fault: unknown): fault is ServauthError =>
  fault instanceof ServauthError && (fault.code === 'UNAUTHENTICATED' || fault.code === 'REFRESH_REUSED')

/**
 * An error as a sentence for people: with what is wrong with each field, and with how long to wait. Takes the errors of
 * Apollo Client and urql too.
 */
export function describeError(fault: { message: string }) {
  if (isWithoutAnswer(fault)) return 'The server did not answer. Check the connection and try again.'
  const { fields, retryAfter } = detailsOf(fault)
  const text = fields
    ? fields.map(({ message }) => message).join(' ')
    : (graphQLErrorOf(fault) ?? fault).message
  return retryAfter ? `${text} Try again in ${retryAfter} seconds.` : text
}

/** Whether the connection failed or took too long. urql keeps the error of the browser in its own. */
function isWithoutAnswer(fault: unknown) {
  const { networkError } = Object(fault) as { networkError?: Error }
  const { name, message } = networkError ?? (Object(fault) as Error)
  return name === 'TimeoutError' || (name === 'TypeError' && CONNECTION_FAILED.test(message))
}

/** The words of Chromium, Firefox, Safari and Node. Other errors of this type are bugs. */
const CONNECTION_FAILED = /^(failed to fetch|network ?error|load failed|fetch failed)/i

/** What Servauth adds to an error, such as `fields` to `INVALID_INPUT`. Takes the errors of Apollo Client and urql too. */
export function detailsOf(fault: unknown): Partial<ErrorDetails> {
  if (fault instanceof ServauthError) return fault.details
  if (fault instanceof ServerFailure && fault.retryAfter) return { retryAfter: fault.retryAfter }
  return graphQLErrorOf(fault)?.extensions ?? {}
}

/** The first error in a `CombinedGraphQLErrors` of Apollo Client, or in a `CombinedError` of urql. */
function graphQLErrorOf(fault: unknown): GraphQLError | undefined {
  const { errors, graphQLErrors } = Object(fault) as {
    errors?: GraphQLError[]
    graphQLErrors?: GraphQLError[]
  }
  return (errors ?? graphQLErrors)?.[0]
}

type GraphQLError = { message: string; extensions?: Partial<ErrorDetails> }

/**
 * The server failed or is not available, or something else answered in its place. This says nothing about the session.
 * `retryAfter` is in seconds.
 */
export class ServerFailure extends Error {
  override readonly name = 'ServerFailure'
  readonly status: number
  readonly retryAfter: number | undefined

  constructor({ status, headers }: Response) {
    super(`The server answered ${status}.`)
    this.status = status
    this.retryAfter = Number(headers.get('retry-after')) || undefined
  }
}

/**
 * Sends a request and reads the answer, both as JSON.
 * @throws `ServauthError` if a retry would get the same answer
 * @throws `ServerFailure` or another error if the server failed or did not answer
 */
export async function request<T>(url: string, options: Options = {}) {
  const { method = 'GET', headers = {}, body, signal, ...rest } = options
  const timeout = AbortSignal.timeout(MAX_ANSWER_MS)
  const response = await fetch(url, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    ...rest,
  })
  const text = await response.text()
  const answer = response.status < 500 ? readJson(text) : undefined
  const refusal = answer && findRefusal(answer, response.ok)
  if (refusal) throw refusal
  // Only an answer without content has no body: 200 without one, or with a page, is of something else on the way.
  if (!response.ok || (!answer && (text !== '' || response.status === 200))) throw new ServerFailure(response)
  return answer as T
}

function readJson(text: string): Answer | undefined {
  try {
    return JSON.parse(text) ?? undefined
  } catch {
    return undefined
  }
}

/** The refusal of Servauth in an answer: the problem of REST, or the first error of GraphQL. */
function findRefusal(
  { errors: [error] = [], title = '', detail = title, ...problem }: Answer,
  isOk: boolean,
) {
  if (error?.extensions?.code) return new ServauthError(error.message, error.extensions)
  return !isOk && problem.code ? new ServauthError(detail, { ...problem, code: problem.code }) : undefined
}

type Answer = Partial<Problem> & { errors?: ({ message: string; extensions?: ErrorDetails } | undefined)[] }

type Options = {
  method?: string
  headers?: Record<string, string>
  body?: unknown
  credentials?: RequestCredentials
  signal?: AbortSignal
}

/** Longer than a busy server takes to answer or to refuse. A sign-up that is given up may still create the account. */
export const MAX_ANSWER_MS = 15_000
/** Together at most 28 s. A later retry of a refresh still gets the lost answer, but a user does not wait for it. */
const MAX_ATTEMPT_MS = 4000
const RETRY_WAITS_MS = [500, 1000, 2000, 4000]

/** Retries while answers are lost or the server restarts. Only for requests that may be sent twice. */
export async function retry<T>(attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const attemptInTime = () => attempt(AbortSignal.timeout(MAX_ATTEMPT_MS))
  for (const wait of RETRY_WAITS_MS) {
    try {
      return await attemptInTime()
    } catch (fault) {
      if (fault instanceof ServauthError) throw fault
      await new Promise((done) => setTimeout(done, wait))
    }
  }
  return attemptInTime()
}
