import type { Context } from 'hono'
import type { Caller } from '../contract/caller.ts'

type AddressOf = (request: Request) => string | null

/**
 * What the steps of the pipeline know of one request. It replaces the `env` that the listener passes. Hono's variables
 * would do the same with a `Map`, and a remembered `me` would take 2 % longer.
 */
export class RequestState {
  /** The address of the socket of a request. */
  readonly address: AddressOf
  requestId!: string
  /** Of every answer. Only `answer` may change them. */
  commonHeaders!: Headers
  /** Of this answer. Missing until a step sets one that not every answer has. */
  headers: Headers | undefined
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

  constructor(address: AddressOf) {
    this.address = address
  }
}

export type AppEnv = { Bindings: RequestState }
export type AppContext = Context<AppEnv>
