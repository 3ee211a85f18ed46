import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client'
import { ErrorLink } from '@apollo/client/link/error'
import { from, mergeMap } from 'rxjs'
import type { createSession } from '../browser/session.ts'

/** Creates an Apollo Client that signs in to Servauth with the cookie. */
export function createClient(url: string, session: ReturnType<typeof createSession>) {
  // Refreshes the session, with one request for all operations that fail meanwhile, then retries each operation once.
  const renewLink = new ErrorLink(({ error, operation, forward }) => {
    if (!isUnauthenticated(error)) return
    return from(session.renew()).pipe(mergeMap(() => forward(operation)))
  })
  const httpLink = new HttpLink({ uri: `${url}/graphql`, credentials: 'include' })
  const client = new ApolloClient({ link: renewLink.concat(httpLink), cache: new InMemoryCache() })

  // Clears the cache when the user changes, so that no user sees data of the previous one.
  session.watch(() => client.clearStore())
  return client
}

const isUnauthenticated = (error: unknown) =>
  CombinedGraphQLErrors.is(error) &&
  error.errors.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED')
