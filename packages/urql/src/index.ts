import type { ErrorDetails, ServauthSession } from '@servauth/client'
import {
  Client,
  type CombinedError,
  type Exchange,
  fetchExchange,
  makeOperation,
  type Operation,
} from '@urql/core'
import { authExchange } from '@urql/exchange-auth'
import { pipe, tap } from 'wonka'

/**
 * Creates an urql client that signs in to Servauth with the cookie. If you add a `cacheExchange`, create a new client
 * whenever `session.watch` reports a change, so that no user sees data of the previous one.
 */
export function createUrqlClient(url: string, session: ServauthSession) {
  return new Client({
    url: `${url}/graphql`,
    fetchOptions: { credentials: 'include' },
    // Servauth accepts operations only as POST.
    preferGetMethod: false,
    exchanges: [createRepeatExchange(session), createServauthExchange(session), fetchExchange],
  })
}

/** When the user changes, no page may show data of the previous one: repeats the queries on the page. */
function createRepeatExchange(session: ServauthSession): Exchange {
  return ({ client, forward }) => {
    const active = new Map<number, Operation>()
    session.watch(() => {
      for (const query of active.values()) {
        client.reexecuteOperation(
          makeOperation('query', query, { ...query.context, requestPolicy: 'network-only' }),
        )
      }
    })
    return (operations) => {
      const remember = tap((operation: Operation) => {
        if (operation.kind === 'query') active.set(operation.key, operation)
        if (operation.kind === 'teardown') active.delete(operation.key)
      })
      return forward(pipe(operations, remember))
    }
  }
}

/**
 * An exchange that repeats a refused operation once: after a refresh, with one request for all operations that fail
 * meanwhile, or after the user was proven again.
 */
export function createServauthExchange(session: ServauthSession): Exchange {
  let refused: ErrorDetails | undefined
  return authExchange(async () => ({
    // Nothing to add: the browser sends the cookie.
    addAuthToOperation: (operation) => operation,
    didAuthError(error) {
      refused = detailsOf(error)
      return refused !== undefined
    },
    refreshAuth: async () => void (refused && (await session.recover(refused))),
  }))
}

/** What Servauth adds to an error that an operation could be repeated after. */
function detailsOf({ graphQLErrors }: CombinedError): ErrorDetails | undefined {
  const all = graphQLErrors.map(({ extensions }) => extensions as ErrorDetails)
  return all.find(({ code }) => REPEATABLE.has(code))
}

const REPEATABLE = new Set(['UNAUTHENTICATED', 'REAUTHENTICATION_REQUIRED'])
