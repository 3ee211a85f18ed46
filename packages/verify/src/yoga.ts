import { bearerOf } from './bearer.ts'
import type { Freshness } from './feed.ts'
import { asGraphQLError } from './graphql-error.ts'
import { untilEnded } from './running.ts'
import type { Caller, Verifier } from './verifier.ts'

type Options = {
  /** Whether requests without a token are refused. Default: true. */
  required?: boolean
  freshness?: Freshness
}
type Context = { request?: Request; caller?: Caller | null }
type Extend = { context: Context; extendContext(extension: { caller: Caller | null }): void }
type Subscribe = { args: { contextValue: unknown } }
type Subscribed = { result: unknown; setResult(result: unknown): void }

/**
 * A plugin for GraphQL Yoga and Hive Gateway: `context.caller` is the caller, and a subscription completes when its
 * session ends or its token expires.
 */
export function useServauth(
  verifier: Verifier,
  { required = true, freshness = verifier.freshness }: Options = {},
) {
  return {
    async onContextBuilding({ context, extendContext }: Extend) {
      const token = bearerOf(context.request?.headers.get('authorization'))
      if (token === null && !required) return extendContext({ caller: null })
      try {
        extendContext({ caller: await verifier.verify(token, { freshness }) })
      } catch (fault) {
        throw asGraphQLError(fault)
      }
    },

    onSubscribe({ args }: Subscribe) {
      return {
        onSubscribeResult({ result, setResult }: Subscribed) {
          const { caller } = args.contextValue as Context
          if (caller && isIterable(result)) setResult(untilEnded(verifier, caller, result, freshness))
        },
      }
    },
  }
}

const isIterable = (result: unknown): result is AsyncIterable<unknown> =>
  typeof result === 'object' && result !== null && Symbol.asyncIterator in result
