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

/** Creates a counter that all replicas share. Any store of `rate-limiter-flexible` works, for example Redis. */
export type CounterFactory = (options: {
  keyPrefix: string
  points: number
  duration: number
}) => RateLimiterAbstract

/** How long login failures of an account are remembered. */
const FAILURE_MEMORY_SECONDS = 24 * 3600

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
    createCounter({ keyPrefix, points, duration })
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
    countRegistration: (client: Client) => count('registerPerAddress', toNetwork(client), client),
    countMailedToken: (client: Client) => count('mailedTokenPerAddress', toNetwork(client), client),
    countEmailChange: (userId: string, client: Client) => count('emailChangePerAccount', userId, client),
    countReauthentication: (sessionId: string, client: Client) =>
      count('reauthenticatePerSession', sessionId, client),

    /** Whether to send the mail that a client asked for. The answer to the client must be the same either way. */
    async mayRequestMail(
      kind: 'resetMailPerAccount' | 'verificationMailPerAccount',
      email: string,
      client: Client,
    ) {
      if (!enabled) return true
      // One after the other: a network over its limit must not use up the mails of the account.
      return (await isWithin('mailRequestPerAddress', toNetwork(client))) && isWithin(kind, digest(email))
    },

    /** Whether to send one more mail to a mailbox. Mails of all kinds count. */
    mayReceiveMail: async (email: string) => !enabled || isWithin('mailPerRecipient', digest(email)),

    /** Whether to record one more event of a kind that any client can cause. */
    mayRecord: (kind: EventKind, client: Client) =>
      isWithin('eventPerAddress', `${kind}:${toNetwork(client)}`),

    /**
     * Counts a login attempt, for existing and unknown accounts.
     * @returns a function to call after a successful login: it resets the count
     * @throws `TOO_MANY_REQUESTS`
     */
    async countLogin(email: string, client: Client) {
      if (!enabled) return async () => {}
      const key = digest(email)
      // If the network is over its limit, this throws, and the attempt does not count against the account.
      const [wait] = await Promise.all([waits.get(key), count('loginPerAddress', toNetwork(client), client)])
      const attempts = wait ? freeFailures : (await failures.penalty(key)).consumedPoints
      if (attempts < freeFailures) return () => ignoreFailure(failures.delete(key))

      const seconds = Math.min(2 ** (attempts - freeFailures), maxWaitSeconds)
      // Of concurrent attempts the first gets the turn. The others must wait.
      const turn = await consumePoint(waits, key, { customDuration: seconds })
      // An attempt that saw a wait is refused even if the wait has ended since. It counted no failure, so if it got the
      // turn, the next wait would be too short.
      if (wait || turn.consumedPoints > 1) {
        // A refused attempt does not make the wait longer.
        if (!wait) await takeBack(key)
        if (turn.consumedPoints === 2) await recordEventByEmail(db, 'throttled', email, client)
        throw createWaitError('loginFailures', turn)
      }
      return () => this.resetLoginFailures(email)
    },

    /** Resets the failures of an account, and ends its wait. */
    async resetLoginFailures(email: string) {
      const key = digest(email)
      if (enabled) await ignoreFailure(Promise.all([failures.delete(key), waits.delete(key)]))
    },
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

/** The key by which a client is counted: its IPv4 address, or the /64 of its IPv6 address (RFC 6177). */
function toNetwork({ ipAddress }: Client) {
  if (ipAddress === null) return 'unknown'
  const address = ipaddr.process(ipAddress)
  if (address.kind() === 'ipv4') return ipAddress
  return (address as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')
}
