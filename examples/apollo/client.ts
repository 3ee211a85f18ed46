import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client'
import { ErrorLink } from '@apollo/client/link/error'
import { from, mergeMap } from 'rxjs'
import type { createSession } from '../browser/session.ts'

/** Apollo Client for Servauth, by its cookie. */
export function createClient(url: string, session: ReturnType<typeof createSession>) {
  // Asks once whether the session goes on, shared by all who ask, and then sends the operation again, once.
  const renewLink = new ErrorLink(({ error, operation, forward }) => {
    if (!isUnauthenticated(error)) return
    return from(session.renew()).pipe(mergeMap(() => forward(operation)))
  })
  const httpLink = new HttpLink({ uri: `${url}/graphql`, credentials: 'include' })
  const client = new ApolloClient({ link: renewLink.concat(httpLink), cache: new InMemoryCache() })

  // Nobody sees what the one before was shown.
  session.watch(() => client.clearStore())
  return client
}

const isUnauthenticated = (error: unknown) =>
  CombinedGraphQLErrors.is(error) &&
  error.errors.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED')
