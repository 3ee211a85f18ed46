import type { Caller, Verifier } from '../verifier.ts'
import { callerOf, type Options } from './caller-of.ts'
import { asGraphQLError } from './graphql-error.ts'
import { untilEnded } from './until-ended.ts'

type Context = { request?: Request; caller?: Caller | null }
type Extend = { context: Context; extendContext(extension: { caller: Caller | null }): void }
type Subscribe = { args: { contextValue: unknown } }
type Subscribed = { result: unknown; setResult(result: unknown): void }

/**
 * A plugin for GraphQL Yoga and Hive Gateway: `context.caller` is the caller, and a subscription completes when its
 * session ends or its token expires.
 */
export function useServauth(verifier: Verifier, options: Options = {}) {
  const { freshness = verifier.freshness } = options
  return {
    async onContextBuilding({ context, extendContext }: Extend) {
      try {
        extendContext({
          caller: await callerOf(verifier, context.request?.headers.get('authorization'), options),
        })
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
