import type { ErrorDetails, ServauthSession } from '@servauth/client'
import {
  Client,
  type CombinedError,
  composeExchanges,
  type Exchange,
  fetchExchange,
  makeErrorResult,
  makeOperation,
  type Operation,
  type OperationResult,
} from '@urql/core'
import { authExchange } from '@urql/exchange-auth'
import { filter, makeSubject, merge, pipe, tap } from 'wonka'

/** Creates an urql client that signs in to Servauth with the cookie. It has no cache. */
export function createUrqlClient(url: string, session: ServauthSession) {
  return new Client({
    url: `${url}/graphql`,
    fetchOptions: { credentials: 'include' },
    // Servauth accepts operations only as POST.
    preferGetMethod: false,
    exchanges: [createRepeatExchange(session), createServauthExchange(session), fetchExchange],
  })
}

/** When the user changes, no page may show data of the previous one: empties and repeats the queries on the page. */
function createRepeatExchange(session: ServauthSession): Exchange {
  return ({ forward }) => {
    const active = new Map<number, Operation>()
    const repeats = makeSubject<Operation>()
    const emptied = makeSubject<OperationResult>()
    let isKnown = false
    session.watch(() => {
      for (const query of active.values()) {
        if (isKnown) emptied.next({ operation: query, stale: true, hasNext: false })
        // Ends the request that may be running: it was sent for the former user.
        repeats.next(makeOperation('teardown', query))
        repeats.next(makeOperation('query', query, { ...query.context, requestPolicy: 'network-only' }))
      }
      isKnown = true
    })
    return (operations) => {
      const remember = tap((operation: Operation) => {
        if (operation.kind === 'query') active.set(operation.key, operation)
        if (operation.kind === 'teardown') active.delete(operation.key)
      })
      return merge([emptied.source, forward(merge([pipe(operations, remember), repeats.source]))])
    }
  }
}

/**
 * An exchange that repeats a refused operation once: after a refresh, with one request for all operations that fail
 * meanwhile, or after the user was proven again. An operation of a former user fails, and is not repeated. In a client of
 * your own, put it before the `fetchExchange`, and create a new client whenever `session.watch` reports a change.
 */
export function createServauthExchange(session: ServauthSession): Exchange {
  let refused: ErrorDetails | undefined
  const repeatRefused = authExchange(async () => ({
    // Nothing to add: the browser sends the cookie.
    addAuthToOperation: (operation) => operation,
    didAuthError(error) {
      refused = detailsOf(error)
      return refused !== undefined
    },
    refreshAuth: async () => void (refused && (await session.recover(refused))),
  }))
  return composeExchanges([repeatRefused, createUserExchange(session)])
}

/** Sends operations for the present user, mutations in one tab at a time. */
function createUserExchange(session: ServauthSession): Exchange {
  return ({ forward }) => {
    const sent = makeSubject<Operation>()
    const failed = makeSubject<OperationResult>()
    const running = new Map<string, () => void>()
    const finish = (operation: Operation) => running.get(idOf(operation))?.()

    function begin(operation: Operation) {
      finish(operation)
      if (operation.kind === 'teardown') return sent.next(operation)
      let end = () => {}
      const own = () => {
        running.delete(idOf(operation))
        end()
      }
      running.set(idOf(operation), own)
      const isRunning = () => running.get(idOf(operation)) === own

      function fail(fault: unknown) {
        if (!isRunning()) return
        own()
        sent.next(makeOperation('teardown', operation))
        failed.next(makeErrorResult(operation, fault as Error))
      }

      const send = (signal: AbortSignal) =>
        new Promise<void>((done) => {
          if (!isRunning()) return done()
          const stop = () => fail(signal.reason)
          signal.addEventListener('abort', stop)
          end = () => {
            signal.removeEventListener('abort', stop)
            done()
          }
          sent.next(operation)
        })
      session.runForUser(operation.kind === 'mutation', send).catch(fail)
    }

    return (operations) => {
      const waiting = pipe(
        operations,
        tap(begin),
        filter(() => false),
      )
      const results = forward(merge([waiting, sent.source]))
      const finished = tap(({ operation, data, error, hasNext }: OperationResult) => {
        if (!hasNext) finish(operation)
        if (!error) session.checkAnswer(data)
      })
      return merge([failed.source, pipe(results, finished)])
    }
  }
}

/** Mutations with the same text and variables have the same key, and different instances. */
const idOf = ({ key, context }: Operation) => `${key} ${context._instance}`

/** What Servauth adds to an error that an operation could be repeated after. */
function detailsOf({ graphQLErrors }: CombinedError): ErrorDetails | undefined {
  const all = graphQLErrors.map(({ extensions }) => extensions as ErrorDetails)
  return all.find(({ code }) => REPEATABLE.has(code))
}

const REPEATABLE = new Set(['UNAUTHENTICATED', 'REAUTHENTICATION_REQUIRED'])
