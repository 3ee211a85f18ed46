import type { Caller, Verifier } from '../verifier.ts'
import { callerOf, type Options } from './caller-of.ts'
import { asGraphQLError, showRefusals } from './graphql-error.ts'
import { untilEnded } from './until-ended.ts'

type Context = { request?: Request; caller?: Caller | null }
type Extend = { context: Context; extendContext(extension: { caller: Caller | null }): void }
type Subscribe = { args: { contextValue: unknown } }
type Done = { result: unknown; setResult(result: unknown): void }

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

    onExecute: () => ({ onExecuteDone: show }),

    onSubscribe({ args }: Subscribe) {
      return {
        onSubscribeResult({ result, setResult }: Done) {
          if (!isIterable(result)) return show({ result, setResult })
          const { caller } = args.contextValue as Context
          if (caller) setResult(untilEnded(verifier, caller, result, freshness))
          return { onNext: show }
        },
      }
    },
  }
}

/** Before Yoga masks errors of resolvers, since it runs its own plugins last. */
function show({ result, setResult }: Done): undefined {
  if (isObject(result) && !isIterable(result)) setResult(showRefusals(result))
}

const isObject = (result: unknown): result is object => typeof result === 'object' && result !== null

const isIterable = (result: unknown): result is AsyncIterable<unknown> =>
  isObject(result) && Symbol.asyncIterator in result
