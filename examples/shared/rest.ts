/** Servauth said no, and why: its `code`, and the `reason` that goes with `UNAUTHENTICATED`. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string
  readonly reason: string | undefined

  constructor(problem: { title: string; status: number; code: string; reason?: string }) {
    super(problem.title)
    this.status = problem.status
    this.code = problem.code
    this.reason = problem.reason
  }
}

/**
 * One request with JSON both ways. @throws `Refusal` for an answer that another attempt would not
 * change, and any other error for no answer at all or a server that is not well.
 */
export async function request<T>(url: string, { method = 'GET', headers = {}, body, ...rest }: Options = {}) {
  const response = await fetch(url, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(ANSWER_MS),
    ...rest,
  })
  const text = await response.text()
  if (response.status >= 500) throw new Error(`The server answered ${response.status}.`)
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

/** Five attempts in 28 seconds at most: for 30 the same refresh token gets the same answer again. */
const ANSWER_MS = 4000
const WAITS_MS = [500, 1000, 2000, 4000]

/** Asks again when the reply was lost or the server is restarting. For what may be done twice only. */
export async function keepTrying<T>(attempt: () => Promise<T>): Promise<T> {
  for (const wait of WAITS_MS) {
    try {
      return await attempt()
    } catch (fault) {
      if (fault instanceof Refusal) throw fault
      await new Promise((done) => setTimeout(done, wait))
    }
  }
  return attempt()
}
