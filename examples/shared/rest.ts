type Problem = {
  title: string
  detail?: string
  status: number
  code: string
  reason?: string
  fields?: { path: string; message: string }[]
  retryAfter?: number
  challenge?: { id: string; methods: string[] }
}

/**
 * An error answer of Servauth. `reason` belongs to the code `UNAUTHENTICATED`, `fields` to `INVALID_INPUT`, `retryAfter`
 * (in seconds) to `TOO_MANY_REQUESTS`, and `challenge` to `SECOND_FACTOR_REQUIRED`.
 */
export class Refusal extends Error {
  readonly status: number
  readonly code: string
  readonly reason: Problem['reason']
  readonly fields: Problem['fields']
  readonly retryAfter: Problem['retryAfter']
  readonly challenge: Problem['challenge']

  constructor({ title, detail, status, code, reason, fields, retryAfter, challenge }: Problem) {
    super(detail ?? title)
    this.status = status
    this.code = code
    this.reason = reason
    this.fields = fields
    this.retryAfter = retryAfter
    this.challenge = challenge
  }
}

/** An error as a sentence for people: with what is wrong with each field, and with how long to wait. */
export function describeError({ message, fields, retryAfter }: Details) {
  const text = fields ? fields.map((field) => field.message).join(' ') : message
  return retryAfter ? `${text} Try again in ${retryAfter} seconds.` : text
}

type Details = { message: string } & { [Name in 'fields' | 'retryAfter']?: Problem[Name] | undefined }

/** The server failed or is not available. This says nothing about the session. `retryAfter` is in seconds. */
export class Failure extends Error {
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
 * @throws `Refusal` if a retry would get the same answer; `Failure` or another error if the server failed or did not answer
 */
export async function request<T>(url: string, { method = 'GET', headers = {}, body, ...rest }: Options = {}) {
  const response = await fetch(url, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(MAX_ANSWER_MS),
    ...rest,
  })
  const text = await response.text()
  if (response.status >= 500) throw new Failure(response)
  const answer = text === '' ? undefined : JSON.parse(text)
  if (!response.ok) throw new Refusal(answer)
  return answer as T
}

type Options = {
  method?: string
  headers?: Record<string, string>
  body?: unknown
  credentials?: RequestCredentials
}

/** Together at most 28 s. A later retry of a refresh still gets the lost answer, but a user does not wait for it. */
const MAX_ANSWER_MS = 4000
const RETRY_WAITS_MS = [500, 1000, 2000, 4000]

/** Retries while answers are lost or the server restarts. Only for requests that may be sent twice. */
export async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  for (const wait of RETRY_WAITS_MS) {
    try {
      return await attempt()
    } catch (fault) {
      if (fault instanceof Refusal) throw fault
      await new Promise((done) => setTimeout(done, wait))
    }
  }
  return attempt()
}
