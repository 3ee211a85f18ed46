import ipaddr from 'ipaddr.js'
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import type { Client } from '../../contract/caller.ts'
import type { Db } from '../../db/client.ts'
import type { RateLimitName, RateLimits } from '../../env.ts'
import { AuthError } from '../../errors.ts'
import { type EventKind, recordEvent, recordEventByEmail } from '../events/events.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { Observer } from '../observer.ts'

export type Throttle = ReturnType<typeof createThrottle>

/** Makes a counter that all replicas share. Any store of `rate-limiter-flexible` fits, Redis for one. */
export type CounterFactory = (options: {
  keyPrefix: string
  points: number
  duration: number
}) => RateLimiterAbstract

/** After the free failures in a row, each attempt is followed by a wait that doubles up to the longest. */
const FAILURES_KEPT = 24 * 3600

/** Failures in a row are followed by a wait that grows, and are no plain count. */
type Counted = Exclude<RateLimitName, 'loginFailures'>

type Parts = {
  db: Db
  counter: CounterFactory
  enabled: boolean
  limits: RateLimits
  observer?: Observer | undefined
}

/**
 * Who must wait. Attempts are counted before any hashing, and alike whether the account exists
 * and the password is right: a caller who must wait learns nothing else.
 */
export function createThrottle({ db, counter, enabled, limits, observer }: Parts) {
  const make = (keyPrefix: string, points: number, duration: number) =>
    counter({ keyPrefix, points, duration })
  const { loginFailures, ...counted } = limits
  const counters = Object.fromEntries(
    Object.entries(counted).map(([name, [points, seconds]]) => [name, make(name, points, seconds)]),
  ) as Record<Counted, RateLimiterAbstract>
  const failures = make('loginFailures', Number.MAX_SAFE_INTEGER, FAILURES_KEPT)
  const waits = make('loginWait', 1, 1)
  const [freeFailures, longestWait] = loginFailures

  async function count(limit: Counted, key: string, client: Client) {
    if (!enabled) return
    const state = await consume(counters[limit], key)
    const excess = state.consumedPoints - limits[limit][0]
    if (excess === 1) await recordEvent(db, 'throttled', null, client)
    if (excess > 0) throw mustWait(limit, state)
  }

  async function isWithin(limit: Counted, key: string) {
    const { consumedPoints } = await consume(counters[limit], key)
    const isWithin = consumedPoints <= limits[limit][0]
    if (!isWithin) observer?.onLimitReached(limit)
    return isWithin
  }

  /** Takes one failure back. A success that ended the count meanwhile leaves none to take back. */
  async function takeBack(key: string) {
    const { consumedPoints } = await failures.reward(key)
    if (consumedPoints < 0) await failures.penalty(key)
  }

  function mustWait(limit: RateLimitName, { msBeforeNext }: RateLimiterRes) {
    observer?.onLimitReached(limit)
    return new AuthError('TOO_MANY_REQUESTS', { retryAfter: Math.max(1, Math.ceil(msBeforeNext / 1000)) })
  }

  return {
    /** @throws `TOO_MANY_REQUESTS` */
    countRegistration: (client: Client) => count('registerPerAddress', network(client), client),
    countMailedToken: (client: Client) => count('mailedTokenPerAddress', network(client), client),
    countEmailChange: (userId: string, client: Client) => count('emailChangePerAccount', userId, client),
    countReauthentication: (sessionId: string, client: Client) =>
      count('reauthenticatePerSession', sessionId, client),

    /** Whether one more mail may be asked for; the caller answers the same either way. */
    async mayMail(kind: 'resetMailPerAccount' | 'verificationMailPerAccount', email: string, client: Client) {
      if (!enabled) return true
      // One after the other: who may not ask any more does not use up the account's mails.
      return (await isWithin('mailRequestPerAddress', network(client))) && isWithin(kind, digest(email))
    },

    /** Whether one more mail goes to a mailbox, whatever it is about and whoever caused it. */
    mayReceive: async (email: string) => !enabled || isWithin('mailPerRecipient', digest(email)),

    /** Whether one more event is kept of a kind that anybody can cause. */
    mayRecord: (kind: EventKind, client: Client) => isWithin('eventPerAddress', `${kind}:${network(client)}`),

    /**
     * Counts an attempt at an account, known or not; the right password ends the count by what
     * this returns. @throws `TOO_MANY_REQUESTS`
     */
    async countLogin(email: string, client: Client) {
      if (!enabled) return async () => {}
      const key = digest(email)
      // An attempt that its address may not make is not counted against the account.
      const [wait] = await Promise.all([waits.get(key), count('loginPerAddress', network(client), client)])
      const attempts = wait ? freeFailures : (await failures.penalty(key)).consumedPoints
      if (attempts < freeFailures) return () => lenient(failures.delete(key))

      const seconds = Math.min(2 ** (attempts - freeFailures), longestWait)
      // Of many attempts at once the first takes the turn, and the others wait as it does.
      const turn = await consume(waits, key, { customDuration: seconds })
      // Whoever saw a wait is refused though it ended since: no failure was counted, so the next wait would be a short one.
      if (wait || turn.consumedPoints > 1) {
        // An attempt that was not let through does not make the wait longer.
        if (!wait) await takeBack(key)
        if (turn.consumedPoints === 2) await recordEventByEmail(db, 'throttled', email, client)
        throw mustWait('loginFailures', turn)
      }
      return () => this.forgive(email)
    },

    /** Ends the count of failures and the wait. */
    async forgive(email: string) {
      const key = digest(email)
      if (enabled) await lenient(Promise.all([failures.delete(key), waits.delete(key)]))
    },
  }
}

/** A count that could not be ended must not turn what is done already into a refusal: it ends by itself. */
async function lenient(ending: Promise<unknown>) {
  await ending.catch(() => {})
}

/** The state of a counter after one more; the library rejects with it when the counter is used up. */
async function consume(counter: RateLimiterAbstract, key: string, options = {}): Promise<RateLimiterRes> {
  return counter.consume(key, 1, options).catch((fault: unknown) => {
    if (fault instanceof RateLimiterRes) return fault
    throw fault
  })
}

/** The network that a request is counted by: the IPv4 address, or the /64 of an IPv6 address (RFC 6177). */
function network({ ipAddress }: Client) {
  if (ipAddress === null) return 'unknown'
  const address = ipaddr.process(ipAddress)
  if (address.kind() === 'ipv4') return ipAddress
  return (address as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')
}
