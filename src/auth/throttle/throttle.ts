import type { RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import type { Caller, Client } from '../../contract/caller.ts'
import type { FactorProof } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { AuthError } from '../../errors.ts'
import type { RateLimitName, RateLimits } from '../../settings/throttle.ts'
import { recordEvent, recordEventByEmail } from '../events/events.ts'
import type { EventKind } from '../events/kinds.ts'
import type { MailedTokens } from '../mailing/mailed-tokens.ts'
import type { Observer } from '../observer.ts'
import { type CounterFactory, consumePoint } from './counter.ts'
import { createGuessCount, factorSubject, type MakeGuess, passwordSubject } from './guesses.ts'
import { toNetwork } from './networks.ts'
import type { Places } from './places.ts'

export type Throttle = ReturnType<typeof createThrottle>

/** The limits that are plain counts. Login failures cause a wait that doubles, so they have their own counters. */
type CountLimitName = Exclude<RateLimitName, 'loginFailures'>

type Parts = {
  db: Db
  createCounter: CounterFactory
  enabled: boolean
  limits: RateLimits
  mailedTokens: MailedTokens
  places: Places
  observer?: Observer | undefined
}

type SessionCaller = Pick<Caller, 'bearer' | 'client'>

/** The cookie of a session counts apart from its access tokens: other services see those, and one may be a thief's. */
export const toSessionKey = (sessionId: string, { bearer }: Pick<Caller, 'bearer'>) =>
  bearer === null ? sessionId : `${sessionId} bearer`

/**
 * Rate limits. Attempts are counted before any hashing, and in the same way for existing and unknown accounts and for
 * right and wrong passwords. So a client that must wait learns nothing else.
 */
export function createThrottle({
  db,
  createCounter,
  enabled,
  limits,
  mailedTokens,
  places,
  observer,
}: Parts) {
  const { loginFailures, ...countLimits } = limits
  const counters = Object.fromEntries(
    Object.entries(countLimits).map(([keyPrefix, [points, duration]]) => [
      keyPrefix,
      createCounter({
        keyPrefix,
        points,
        duration,
        // In memory only for sessions, of which there are few. Clients without an account could fill it.
        ...(keyPrefix === 'writePerSession' && { inMemoryBlockOnConsumed: points + 1 }),
      }),
    ]),
  ) as Record<CountLimitName, RateLimiterAbstract>
  const countGuess = createGuessCount({
    createCounter,
    enabled,
    limit: loginFailures,
    createWaitError: (state) => createWaitError('loginFailures', state),
  })

  async function count(limit: CountLimitName, key: string, client: Client) {
    if (!enabled) return
    const state = await consumePoint(counters[limit], key)
    const excess = state.consumedPoints - limits[limit][0]
    if (excess === 1) await recordEvent(db, 'throttled', null, client)
    if (excess > 0) throw createWaitError(limit, state)
  }

  /**
   * Counts what a network does at accounts. When the network has nothing left, a browser that the account knows has its
   * own count. Another browser has none, because each sign-in without a device cookie makes one.
   */
  async function countForAccount(limit: CountLimitName, email: string, client: Client) {
    try {
      await count(limit, toNetwork(client.ipAddress), client)
    } catch (refusal) {
      const browser = await places.findBrowser(email, client)
      if (!browser) throw refusal
      await count(limit, browser, client)
    }
  }

  /** A browser with a device cookie counts by itself, so that neighbours in its network cannot make it wait. */
  const toClientKey = (client: Client) => places.toPlaces(client).device ?? toNetwork(client.ipAddress)

  function createWaitError(limit: RateLimitName, { msBeforeNext }: RateLimiterRes) {
    observer?.onLimitReached(limit)
    return new AuthError('TOO_MANY_REQUESTS', { retryAfter: Math.max(1, Math.ceil(msBeforeNext / 1000)) })
  }

  return {
    /** @throws `TOO_MANY_REQUESTS` */
    countRegistration: (client: Client) => count('registerPerAddress', toNetwork(client.ipAddress), client),
    /** A token that this server has mailed counts by itself: a neighbour who invents tokens does not make its reader wait. */
    countMailedToken(token: string, client: Client) {
      const id = mailedTokens.findId(token)
      return count('mailedTokenPerAddress', id ? `token ${id}` : toClientKey(client), client)
    },
    countFactorOfClient: (client: Client) => count('factorPerAddress', toClientKey(client), client),
    countCeremony: (client: Client) => count('ceremonyPerAddress', toClientKey(client), client),
    countPasswordChange: (userId: string, client: Client) =>
      count('passwordChangePerAccount', userId, client),
    countEmailChange: (userId: string, client: Client) => count('emailChangePerAccount', userId, client),
    countExport: (userId: string, client: Client) => count('exportPerAccount', userId, client),
    countWrite: (sessionId: string, caller: SessionCaller) =>
      count('writePerSession', toSessionKey(sessionId, caller), caller.client),
    countReauthentication: (sessionId: string, caller: SessionCaller) =>
      count('reauthenticatePerSession', toSessionKey(sessionId, caller), caller.client),

    /** Counts a login attempt, before the attempt may wait for a hash. @throws `TOO_MANY_REQUESTS` */
    countLoginOfNetwork: (email: string, client: Client) => countForAccount('loginPerAddress', email, client),

    /** Counts a request for a mail about an account, existing or not. @throws `TOO_MANY_REQUESTS` */
    countMailRequest: (email: string, client: Client) =>
      countForAccount('mailRequestPerAddress', email, client),

    /** Whether to record one more event of a kind that any client can cause. */
    async mayRecord(kind: EventKind, { ipAddress }: Client) {
      const { consumedPoints } = await consumePoint(
        counters.eventPerAddress,
        `${kind}:${toNetwork(ipAddress)}`,
      )
      const mayRecord = consumedPoints <= limits.eventPerAddress[0]
      if (!mayRecord) observer?.onLimitReached('eventPerAddress')
      return mayRecord
    },

    /** Runs a login attempt at an account, existing or not. @throws `TOO_MANY_REQUESTS` */
    attemptLogin: <T>(email: string, place: string, client: Client, attempt: MakeGuess<T>) => {
      const onWait = () => recordEventByEmail(db, 'throttled', email, client)
      return countGuess({ subject: passwordSubject(email, place), place, onWait }, attempt)
    },

    /**
     * Runs an attempt to prove the second factor of an account. Codes are counted, over all methods and challenges. A
     * passkey and a mailed token cannot be guessed, so they do not wait either while a taker guesses codes.
     * @throws `TOO_MANY_REQUESTS`
     */
    attemptFactor: <T>(
      { userId, place, proof }: { userId: string; place: string; proof: FactorProof },
      client: Client,
      attempt: MakeGuess<T>,
    ) => {
      if (!proof.totp && !proof.recoveryCode) return attempt(() => {})
      const onWait = () => recordEvent(db, 'throttled', userId, client)
      return countGuess({ subject: factorSubject(userId, place), place, onWait }, attempt)
    },
  }
}
