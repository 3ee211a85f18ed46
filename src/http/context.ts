import type { Context } from 'hono'
import type { Caller } from '../contract/caller.ts'

/** What a request carries through the middleware. `address` is the socket's. */
export type AppEnv = {
  Bindings: { address(): string | null }
  Variables: {
    requestId: string
    body: string
    caller: Caller
    code?: string
    fault?: unknown
    /** The operation of the contract that a GraphQL document asks for, where somebody watches. */
    operation?: string | undefined
    traceId?: string
  }
}

export type AppContext = Context<AppEnv>
