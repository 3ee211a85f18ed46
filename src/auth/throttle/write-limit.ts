import { presentsServiceKey, viewerOf } from '../../contract/caller.ts'
import { needsSession } from '../../contract/operation.ts'
import { createDeadline } from '../../deadline.ts'
import { AuthError } from '../../errors.ts'
import { type UseCase, wrapUseCases } from '../use-cases.ts'
import { type Throttle, toSessionKey } from './throttle.ts'

/** How long a write waits for the earlier writes of its session, if the database does not answer them in time. */
const MAX_WAIT_MS = 10_000

/**
 * Limits the writes of each session: the calls of all mutations that need one, over both adapters. They are counted
 * before they do any work, and run one after another. So one session cannot slow the writes of all users: its writes
 * would wait for the lock of its user in the database, and each would hold a connection meanwhile.
 */
export function limitWrites<UseCases extends Record<string, UseCase>>(
  useCases: UseCases,
  throttle: Throttle,
): UseCases {
  const takeTurn = createTurns()

  function limit(act: UseCase, isOfService: boolean): UseCase {
    return async (input, caller) => {
      // The key of a service, which is no session.
      if (isOfService && presentsServiceKey(caller)) return act(input, caller)
      // A proof from the cache is enough, so a session over its limit costs no query. The work proves it again.
      const { sessionId } = await viewerOf(caller)
      return takeTurn(toSessionKey(sessionId, caller), async () => {
        await throttle.countWrite(sessionId, caller)
        return act(input, caller)
      })
    }
  }

  return wrapUseCases(useCases, (act, operation) =>
    needsSession(operation) ? limit(act, operation.permission !== undefined) : act,
  )
}

/** Runs the work of each key one after another. @throws `SERVICE_UNAVAILABLE` for work that cannot start in time */
function createTurns() {
  const lastOfKey = new Map<string, Promise<unknown>>()
  const inTime = createDeadline(MAX_WAIT_MS)

  return async function takeTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const previous = lastOfKey.get(key) ?? Promise.resolve()
    let isLate = false
    const turn = previous.then(() => (isLate ? undefined : work()))
    const settled = turn.catch(() => {})
    lastOfKey.set(key, settled)
    try {
      await inTime(previous, () => {
        isLate = true
        return new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
      })
      return (await turn) as T
    } finally {
      if (lastOfKey.get(key) === settled) lastOfKey.delete(key)
    }
  }
}
