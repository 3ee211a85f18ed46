import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import type { Client } from '../../contract/caller.ts'
import type { Db } from '../../db/client.ts'
import { AuthError } from '../../errors.ts'
import type { RateLimitName, RateLimits } from '../../settings/throttle.ts'
import { type EventKind, recordEvent, recordEventByEmail } from '../events/events.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { Observer } from '../observer.ts'
import { toNetwork, UNKNOWN_PLACE } from './places.ts'

export type Throttle = ReturnType<typeof createThrottle>

/** Creates a counter that all replicas share. Any store of `rate-limiter-flexible` works, for example Redis. */
export type CounterFactory = (options: {
  keyPrefix: string
  points: number
  duration: number
  /** Once this many are counted, further ones are refused from memory. */
  inMemoryBlockOnConsumed?: number
}) => RateLimiterAbstract

/** How long login failures of an account are remembered. */
export const FAILURE_MEMORY_SECONDS = 24 * 3600

/** The limits that are plain counts. Login failures cause a wait that doubles, so they have their own counters. */
type CountLimitName = Exclude<RateLimitName, 'loginFailures'>

type Parts = {
  db: Db
  createCounter: CounterFactory
  enabled: boolean
  limits: RateLimits
  observer?: Observer | undefined
}

/**
 * Rate limits. Attempts are counted before any hashing, and in the same way for existing and unknown accounts and for
 * right and wrong passwords. So a client that must wait learns nothing else.
 */
export function createThrottle({ db, createCounter, enabled, limits, observer }: Parts) {
  const make = (keyPrefix: string, points: number, duration: number) =>
    createCounter({
      keyPrefix,
      points,
      duration,
      // The client of a session is known, so that what memory holds is bounded by the sessions.
      ...(keyPrefix === 'writePerSession' && { inMemoryBlockOnConsumed: points + 1 }),
    })
  const { loginFailures, ...countLimits } = limits
  const counters = Object.fromEntries(
    Object.entries(countLimits).map(([name, [points, seconds]]) => [name, make(name, points, seconds)]),
  ) as Record<CountLimitName, RateLimiterAbstract>
  const failures = make('loginFailures', Number.MAX_SAFE_INTEGER, FAILURE_MEMORY_SECONDS)
  const waits = make('loginWait', 1, 1)
  const [freeFailures, maxWaitSeconds] = loginFailures

  async function count(limit: CountLimitName, key: string, client: Client) {
    if (!enabled) return
    const state = await consumePoint(counters[limit], key)
    const excess = state.consumedPoints - limits[limit][0]
    if (excess === 1) await recordEvent(db, 'throttled', null, client)
    if (excess > 0) throw createWaitError(limit, state)
  }

  async function isWithin(limit: CountLimitName, key: string) {
    const { consumedPoints } = await consumePoint(counters[limit], key)
    const isWithin = consumedPoints <= limits[limit][0]
    if (!isWithin) observer?.onLimitReached(limit)
    return isWithin
  }

  /** Takes one failure back. If a success reset the count in the meantime, there is none to take back. */
  async function takeBack(key: string) {
    const { consumedPoints } = await failures.reward(key)
    if (consumedPoints < 0) await failures.penalty(key)
  }

  function createWaitError(limit: RateLimitName, { msBeforeNext }: RateLimiterRes) {
    observer?.onLimitReached(limit)
    return new AuthError('TOO_MANY_REQUESTS', { retryAfter: Math.max(1, Math.ceil(msBeforeNext / 1000)) })
  }

  return {
    /** @throws `TOO_MANY_REQUESTS` */
    countRegistration: (client: Client) => count('registerPerAddress', toNetwork(client.ipAddress), client),
    countMailedToken: (client: Client) => count('mailedTokenPerAddress', toNetwork(client.ipAddress), client),
    countEmailChange: (userId: string, client: Client) => count('emailChangePerAccount', userId, client),
    countWrite: (sessionId: string, client: Client) => count('writePerSession', sessionId, client),
    countReauthentication: (sessionId: string, client: Client) =>
      count('reauthenticatePerSession', sessionId, client),

    /** Counts a guess at a second factor of a network. @throws `TOO_MANY_REQUESTS` */
    countFactorOfNetwork: (client: Client) => count('factorPerAddress', toNetwork(client.ipAddress), client),

    /** Counts a login attempt of a network, before the attempt may wait for a hash. @throws `TOO_MANY_REQUESTS` */
    countLoginOfNetwork: (client: Client) => count('loginPerAddress', toNetwork(client.ipAddress), client),

    /** Whether to accept a request for a mail. The answer to the client must be the same either way. */
    mayRequestMail: async (client: Client) =>
      !enabled || isWithin('mailRequestPerAddress', toNetwork(client.ipAddress)),

    /** Whether to record one more event of a kind that any client can cause. */
    mayRecord: (kind: EventKind, client: Client) =>
      isWithin('eventPerAddress', `${kind}:${toNetwork(client.ipAddress)}`),

    /**
     * Counts a login attempt at an account, existing or not.
     * @returns a function to call after a successful login
     * @throws `TOO_MANY_REQUESTS`
     */
    countLogin: (email: string, place: string, client: Client) =>
      countGuess(`${email} ${place}`, place, () => recordEventByEmail(db, 'throttled', email, client)),

    /**
     * Counts a guess at the second factor of an account, over all methods and challenges. Call it before the guess is
     * looked at.
     * @returns a function to call after a right guess
     * @throws `TOO_MANY_REQUESTS`
     */
    countFactor: (userId: string, place: string, client: Client) =>
      countGuess(`factor ${userId} ${place}`, place, () => recordEvent(db, 'throttled', userId, client)),
  }

  /**
   * Counts a guess at an account against the budget of a place: one that the account knows, or all unknown ones together.
   * So failures from unknown places never make a known place wait.
   * @returns a function to call after a success: it resets the budget of a known place. That of the unknown places stays,
   * since a reset would show strangers that the owner signed in.
   */
  async function countGuess(subject: string, place: string, onWait: () => Promise<void>) {
    if (!enabled) return async () => {}
    const key = digest(subject)
    const wait = await waits.get(key)
    const attempts = wait ? freeFailures : (await failures.penalty(key)).consumedPoints
    if (attempts >= freeFailures) {
      const seconds = Math.min(2 ** (attempts - freeFailures), maxWaitSeconds)
      // Of concurrent attempts the first gets the turn. The others must wait.
      const turn = await consumePoint(waits, key, { customDuration: seconds })
      // An attempt that saw a wait is refused even if the wait has ended since. It counted no failure, so if it got
      // the turn, the next wait would be too short.
      if (wait || turn.consumedPoints > 1) {
        // A refused attempt does not make the wait longer.
        if (!wait) await takeBack(key)
        if (turn.consumedPoints === 2) await onWait()
        throw createWaitError('loginFailures', turn)
      }
    }
    return async function onSuccess() {
      // A right guess is no failure, so it takes its own count back.
      const reset =
        place === UNKNOWN_PLACE ? takeBack(key) : Promise.all([failures.delete(key), waits.delete(key)])
      await ignoreFailure(reset)
    }
  }
}

/** The operation has succeeded already, so a failed reset must not make it fail. Counts expire by themselves. */
async function ignoreFailure(reset: Promise<unknown>) {
  await reset.catch(() => {})
}

/** Adds one to a counter and returns its state. The library rejects with the state if the counter is used up. */
async function consumePoint(
  counter: RateLimiterAbstract,
  key: string,
  options = {},
): Promise<RateLimiterRes> {
  return counter.consume(key, 1, options).catch((fault: unknown) => {
    if (fault instanceof RateLimiterRes) return fault
    throw fault
  })
}
