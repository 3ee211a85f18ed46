import { HonoRequest } from 'hono/request'
import type { Result } from 'hono/router'
import type { Caller } from '../contract/caller.ts'
import type { Endpoint } from '../contract/operation.ts'

/** Reads the address of the socket of a request. */
export type AddressOf = (request: Request) => string | null

export type Handler = (c: RequestContext) => Response | Promise<Response>

/** Which requests a handler serves. */
export type Route = {
  /** In capital letters, or `ALL`. */
  method: string
  /** With parameters as `:name`. */
  path: string
  handler: Handler
  /** The operation that it serves, for the metrics and the traces. */
  operationName?: string
  /** What the OpenAPI document says of it. */
  endpoint?: Endpoint
  /** Whether it exists only to refuse. */
  refuses?: boolean
}

/**
 * One request on its way through the pipeline: what it asks for, and what the steps learn of it. It takes the place of
 * Hono's context, which makes 18 functions for each request (`docs/decisions/http.md`).
 */
export class RequestContext {
  readonly request: Request
  readonly method: string
  /** Decoded. */
  readonly path: string
  /** Missing if there is none for this method and path. */
  readonly route: Route | undefined
  readonly addressOf: AddressOf
  readonly #match: Result<Route>
  requestId!: string
  /** Of every answer. Only `answer` may change them. */
  commonHeaders!: Headers
  /** Of this answer. Missing until a step sets one that not every answer has. */
  answerHeaders: Headers | undefined
  /** Missing until the step that reads it has run. */
  body: string | undefined
  /** How long the work has taken without what it waited for, set by GraphQL, where that differs much. */
  workMs = 0
  /** Of the body, set if it is long. */
  answerLength = 0
  /** Missing in a request that is refused early. */
  caller!: Caller
  code: string | undefined
  fault: unknown
  /** Why a browser or the server refused, in words for the operator. It goes to the log only. */
  hint: Record<string, string> | undefined
  /** Set if the address of the client is probably that of a proxy. */
  probableProxy: 'LISTED' | 'UNLISTED' | undefined
  /** The operation that a GraphQL document asks for; set only if metrics or traces are on. */
  operation: string | undefined
  traceId: string | undefined

  constructor(request: Request, path: string, match: Result<Route>, addressOf: AddressOf) {
    this.request = request
    this.method = request.method
    this.path = path
    this.route = match[0][0]?.[0]
    this.addressOf = addressOf
    this.#match = match
  }

  /** A header of the request. */
  header(name: string) {
    return this.request.headers.get(name) ?? undefined
  }

  /** The decoded parts of the path that the route names. */
  parameters() {
    return new HonoRequest(this.request, this.path, this.#match as never).param()
  }
}
