import { ApolloClient, type ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client'
import { ErrorLink } from '@apollo/client/link/error'
import type { ErrorDetails, ServauthSession } from '@servauth/client'
import { from, mergeMap, throwError } from 'rxjs'

/** Creates an Apollo Client that signs in to Servauth with the cookie. */
export function createApolloClient(url: string, session: ServauthSession) {
  const httpLink = new HttpLink({ uri: `${url}/graphql`, credentials: 'include' })
  const client = new ApolloClient({
    link: createServauthLink(session).concat(httpLink),
    cache: new InMemoryCache(),
  })

  // When the user changes, no page may show data of the previous one: clears the cache and repeats the queries on the page.
  // Each query reports its own error.
  session.watch(() => void client.resetStore().catch(() => {}))
  return client
}

/**
 * A link that repeats a refused operation once: after a refresh, with one request for all operations that fail meanwhile,
 * or after the user was proven again.
 */
export function createServauthLink(session: ServauthSession): ApolloLink {
  return new ErrorLink(({ error, operation, forward }) => {
    const details = detailsOf(error)
    if (!details) return
    return from(session.recover(details)).pipe(
      mergeMap((isWorthRepeating) => (isWorthRepeating ? forward(operation) : throwError(() => error))),
    )
  })
}

/** What Servauth adds to an error that an operation could be repeated after. */
function detailsOf(error: unknown): ErrorDetails | undefined {
  if (!CombinedGraphQLErrors.is(error)) return undefined
  const all = error.errors.map(({ extensions }) => extensions as ErrorDetails | undefined)
  return all.find((details) => details && REPEATABLE.has(details.code))
}

const REPEATABLE = new Set(['UNAUTHENTICATED', 'REAUTHENTICATION_REQUIRED'])
