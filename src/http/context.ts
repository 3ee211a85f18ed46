import type { Context } from 'hono'
import type { Caller } from '../contract/caller.ts'

/** The variables that the steps of the pipeline set. `address` is the address of the socket. */
export type AppEnv = {
  Bindings: { address(): string | null }
  Variables: {
    requestId: string
    /** Of every answer. Only `answer` may change them. */
    commonHeaders: Headers
    /** Of this answer. Missing until a step sets one that not every answer has. */
    headers?: Headers
    /** Missing until the step that reads it has run. */
    body?: string
    /** How long the work has taken without what it waited for, set by GraphQL, where that differs much. */
    workMs?: number
    /** Of the body of the answer, set if it is long. */
    length?: number
    caller: Caller
    code?: string
    fault?: unknown
    /** Why a browser or the server refused, in words for the operator. It goes to the log only. */
    hint?: Record<string, string>
    /** Set if the address of the client is probably that of a proxy. */
    addressOf?: 'LISTED_PROXY' | 'UNLISTED_PROXY'
    /** The operation that a GraphQL document asks for; set only if metrics or traces are on. */
    operation?: string | undefined
    traceId?: string
  }
}

export type AppContext = Context<AppEnv>
