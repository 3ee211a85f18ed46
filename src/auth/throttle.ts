import { isIPv6 } from 'node:net'
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import type { Db } from '../db/client.ts'
import { AuthError } from '../errors.ts'
import type { Client } from './caller.ts'
import { record, recordByEmail } from './events.ts'
import { digest } from './refresh-tokens.ts'

export type Throttle = ReturnType<typeof createThrottle>

/** Makes a counter that all replicas share. Any store of `rate-limiter-flexible` fits, Redis for one. */
export type CounterFactory = (options: {
  keyPrefix: string
  points: number
  duration: number
}) => RateLimiterAbstract

const MINUTE = 60
const HOUR = 60 * MINUTE

/** So many in so many seconds. */
const LIMITS = {
  loginPerAddress: [20, MINUTE],
  registerPerAddress: [20, HOUR],
  mailedTokenPerAddress: [10, MINUTE],
  reauthenticatePerSession: [5, 15 * MINUTE],
  resetMailPerAccount: [3, HOUR],
  verificationMailPerAccount: [3, HOUR],
} as const

/** After so many failures in a row, each attempt is followed by a wait that doubles up to the longest. */
const FREE_FAILURES = 5
const LONGEST_WAIT = 15 * MINUTE
const FAILURES_KEPT = 24 * HOUR

type Limit = keyof typeof LIMITS
type Parts = { db: Db; counter: CounterFactory; enabled: boolean }

/**
 * Who must wait. Attempts are counted before any hashing, and alike whether the account exists
 * and the password is right: a caller who must wait learns nothing else.
 */
export function createThrottle({ db, counter, enabled }: Parts) {
  const make = (keyPrefix: string, points: number, duration: number) =>
    counter({ keyPrefix, points, duration })
  const counters = Object.fromEntries(
    Object.entries(LIMITS).map(([name, [points, seconds]]) => [name, make(name, points, seconds)]),
  ) as Record<Limit, RateLimiterAbstract>
  const failures = make('loginFailures', Number.MAX_SAFE_INTEGER, FAILURES_KEPT)
  const waits = make('loginWait', 1, 1)

  async function count(limit: Limit, key: string, client: Client) {
    if (!enabled) return
    const state = await consume(counters[limit], key)
    const excess = state.consumedPoints - LIMITS[limit][0]
    if (excess === 1) await record(db, 'throttled', null, client)
    if (excess > 0) throw mustWait(state)
  }

  return {
    /** @throws `TOO_MANY_REQUESTS` */
    registering: (client: Client) => count('registerPerAddress', network(client), client),
    usingMailedToken: (client: Client) => count('mailedTokenPerAddress', network(client), client),
    reauthenticating: (sessionId: string, client: Client) =>
      count('reauthenticatePerSession', sessionId, client),

    /** Whether one more mail may go out; the caller answers the same either way. */
    async mayMail(kind: 'resetMailPerAccount' | 'verificationMailPerAccount', email: string) {
      if (!enabled) return true
      const { consumedPoints } = await consume(counters[kind], digest(email))
      return consumedPoints <= LIMITS[kind][0]
    },

    /**
     * Counts an attempt at an account, known or not; the right password ends the count by what
     * this returns. @throws `TOO_MANY_REQUESTS`
     */
    async loggingIn(email: string, client: Client) {
      if (!enabled) return async () => {}
      const key = digest(email)
      await count('loginPerAddress', network(client), client)
      const isWaiting = (await waits.get(key)) !== null
      const attempts = isWaiting ? FREE_FAILURES : (await failures.penalty(key)).consumedPoints
      if (attempts < FREE_FAILURES) return async () => void (await failures.delete(key))

      const seconds = Math.min(2 ** (attempts - FREE_FAILURES), LONGEST_WAIT)
      // Of many attempts at once the first takes the turn, and the others wait as it does.
      const turn = await consume(waits, key, { customDuration: seconds })
      if (turn.consumedPoints > 1) {
        // An attempt that was not let through does not make the wait longer.
        if (!isWaiting) await failures.reward(key)
        if (turn.consumedPoints === 2) await recordByEmail(db, 'throttled', email, client)
        throw mustWait(turn)
      }
      return () => this.forgive(email)
    },

    /** Ends the count of failures and the wait. */
    async forgive(email: string) {
      if (enabled) await Promise.all([failures.delete(digest(email)), waits.delete(digest(email))])
    },
  }
}

/** The state of a counter after one more; the library rejects with it when the counter is used up. */
async function consume(counter: RateLimiterAbstract, key: string, options = {}): Promise<RateLimiterRes> {
  return counter.consume(key, 1, options).catch((fault: unknown) => {
    if (fault instanceof RateLimiterRes) return fault
    throw fault
  })
}

function mustWait({ msBeforeNext }: RateLimiterRes) {
  return new AuthError('TOO_MANY_REQUESTS', { retryAfter: Math.max(1, Math.ceil(msBeforeNext / 1000)) })
}

/** Where a request comes from, as one customer of a network: IPv6 by its /64 (RFC 6177). */
function network({ ipAddress }: Client) {
  if (ipAddress === null || !isIPv6(ipAddress)) return ipAddress ?? 'unknown'
  const [head = '', tail = ''] = ipAddress.split('::')
  const groups = (part: string) => part.split(':').filter(Boolean)
  const missing = 8 - groups(head).length - groups(tail).length
  const all = ipAddress.includes('::')
    ? [...groups(head), ...Array(missing).fill('0'), ...groups(tail)]
    : groups(head)
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
