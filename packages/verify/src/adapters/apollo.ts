import type { GraphQLError } from 'graphql'
import { isRefusal } from '../refusal.ts'
import type { Caller, Verifier } from '../verifier.ts'
import { callerOf, type Options } from './caller-of.ts'
import { asGraphQLError, toExtensions } from './graphql-error.ts'

type Request = { headers: { authorization?: string | undefined } }

/** A context function for Apollo Server 4 and 5: `contextValue.caller` is the caller. */
export function servauthContext(
  verifier: Verifier,
  options: Options & { required: false },
): Context<Caller | null>
export function servauthContext(verifier: Verifier, options?: Options): Context<Caller>
export function servauthContext(verifier: Verifier, options: Options = {}): Context<Caller | null> {
  return async ({ req }) => {
    try {
      return { caller: await callerOf(verifier, req.headers.authorization, options) }
    } catch (fault) {
      throw asGraphQLError(fault, toHeaderMap)
    }
  }
}

/** A plugin for Apollo Server: refusals of resolvers, such as those of `requireFresh`, have their status and headers. */
export const servauthPlugin = () => ({
  async requestDidStart() {
    return {
      async didEncounterErrors({ errors }: { errors: readonly GraphQLError[] }) {
        for (const { originalError, extensions } of errors) {
          if (isRefusal(originalError)) Object.assign(extensions, toExtensions(originalError, toHeaderMap))
        }
      },
    }
  },
})

type Context<Found> = (given: { req: Request }) => Promise<{ caller: Found }>

/** Apollo Server reads a map with names in lower case. */
const toHeaderMap = (headers: Record<string, string>) =>
  new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
