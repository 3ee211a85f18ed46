import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client'
import { ErrorLink } from '@apollo/client/link/error'
import type { ErrorDetails, ServauthSession } from '@servauth/client'
import { OperationTypeNode } from 'graphql'
import { from, mergeMap, Observable, Subscription, throwError } from 'rxjs'

/** Creates an Apollo Client that signs in to Servauth with the cookie. */
export function createApolloClient(url: string, session: ServauthSession) {
  const httpLink = new HttpLink({ uri: `${url}/graphql`, credentials: 'include' })
  const client = new ApolloClient({
    link: createServauthLink(session).concat(httpLink),
    cache: new InMemoryCache(),
  })
  resetOnUserChange(client, session)
  return client
}

/** Empties the cache and repeats the queries on the page when a user signs in or out, in any tab. Call it once for a client. */
export function resetOnUserChange(client: ApolloClient, session: ServauthSession) {
  let former: string | null = null
  session.watch((userId) => {
    // No page may show data of the previous user. Without one, running queries go on, which `resetStore` would end: the
    // link sends them again.
    const repeated = former
      ? client.resetStore()
      : client.cache.reset().then(() => client.refetchQueries({ include: 'active' }))
    former = userId
    // Each query reports its own error.
    repeated.catch(() => {})
  })
}

/**
 * A link that repeats a refused operation once: after a refresh, with one request for all operations that fail meanwhile,
 * or after the user was proven again. An operation of a former user fails, and is not repeated.
 */
export function createServauthLink(session: ServauthSession): ApolloLink {
  return ApolloLink.from([createRepeatLink(session), createUserLink(session)])
}

/** Sends operations for the present user, a mutation in one tab at a time, and a query again for a user who signs in. */
function createUserLink(session: ServauthSession) {
  const running = new Set<() => void>()
  session.watch(() => {
    for (const restart of [...running]) restart()
  })

  return new ApolloLink(
    (operation, forward) =>
      new Observable((observer) => {
        const all = new Subscription()
        const isMutation = operation.operationType === OperationTypeNode.MUTATION
        const send = (signal: AbortSignal) =>
          new Promise<void>((done) => {
            if (all.closed) return done()
            const start = () =>
              // Not the observer itself: it would end with the first request.
              forward(operation).subscribe({
                next(result) {
                  observer.next(result)
                  if (!result.errors) session.checkAnswer(result.data)
                },
                error: (fault: unknown) => observer.error(fault),
                complete: () => observer.complete(),
              })
            let request = start()
            const fail = () => observer.error(signal.reason)
            const restart = () => {
              request.unsubscribe()
              request = start()
            }
            signal.addEventListener('abort', fail)
            if (!isMutation) running.add(restart)
            all.add(() => {
              request.unsubscribe()
              running.delete(restart)
              signal.removeEventListener('abort', fail)
              done()
            })
          })
        session.runForUser(isMutation, send).catch((fault: unknown) => observer.error(fault))
        return all
      }),
  )
}

const createRepeatLink = (session: ServauthSession) =>
  new ErrorLink(({ error, operation, forward }) => {
    const details = detailsOf(error)
    if (!details) return
    return from(session.recover(details)).pipe(
      mergeMap((isWorthRepeating) => (isWorthRepeating ? forward(operation) : throwError(() => error))),
    )
  })

/** What Servauth adds to an error that an operation could be repeated after. */
function detailsOf(error: unknown): ErrorDetails | undefined {
  if (!CombinedGraphQLErrors.is(error)) return undefined
  const all = error.errors.map(({ extensions }) => extensions as ErrorDetails | undefined)
  return all.find((details) => details && REPEATABLE.has(details.code))
}

const REPEATABLE = new Set(['UNAUTHENTICATED', 'REAUTHENTICATION_REQUIRED'])
