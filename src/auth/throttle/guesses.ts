import type { RateLimiterRes } from 'rate-limiter-flexible'
import { AuthError } from '../../errors.ts'
import type { RateLimit } from '../../settings/throttle.ts'
import { digest } from '../keys/sealed-tokens.ts'
import { type CounterFactory, consumePoint } from './counter.ts'
import { UNKNOWN_PLACE } from './places.ts'

/** The counters of wrong passwords and factors, and of the waits that follow. */
export const FAILURES = 'loginFailures'
export const WAITS = 'loginWait'

/** How long login failures of an account are remembered. */
export const FAILURE_MEMORY_SECONDS = 24 * 3600

/** What guesses are counted for: a proof of an account, from a place that it knows or from all others together. */
export const passwordSubject = (email: string, place: string) => `${email} ${place}`
export const factorSubject = (userId: string, place: string) => `factor ${userId} ${place}`

type Parts = {
  createCounter: CounterFactory
  enabled: boolean
  /** Which failure causes the first wait, of a second, and the longest wait. Each further failure doubles the wait. */
  limit: RateLimit
  createWaitError: (wait: RateLimiterRes) => AuthError
}

type Guess = { subject: string; place: string; onWait: () => Promise<void> }

/** Makes a guess. It calls `onWrong` as soon as it knows that the guess is wrong. */
export type MakeGuess<T> = (onWrong: () => void) => Promise<T>

/**
 * Counts a guess at an account against the budget of a known place, or that of all unknown places together. A success
 * resets only the budget of a known place, since the other reset would show strangers that the owner signed in. A guess
 * that fails for another reason than being wrong is not counted. A wrong one is, also if the server fails afterwards: under
 * a flood that keeps the server from recording it, guesses would have no limit.
 */
export function createGuessCount({ createCounter, enabled, limit, createWaitError }: Parts) {
  const [freeFailures, maxWaitSeconds] = limit
  const failures = createCounter({
    keyPrefix: FAILURES,
    points: Number.MAX_SAFE_INTEGER,
    duration: FAILURE_MEMORY_SECONDS,
  })
  const waits = createCounter({ keyPrefix: WAITS, points: 1, duration: 1 })

  return async function countGuess<T>({ subject, place, onWait }: Guess, guess: MakeGuess<T>): Promise<T> {
    if (!enabled) return guess(() => {})
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
        throw createWaitError(turn)
      }
    }
    const known = { isWrong: false }
    try {
      const result = await guess(() => {
        known.isWrong = true
      })
      // A right guess is no failure, so it takes its own count back.
      const reset =
        place === UNKNOWN_PLACE ? takeBack(key) : Promise.all([failures.delete(key), waits.delete(key)])
      await ignoreFailure(reset)
      return result
    } catch (fault) {
      if (!known.isWrong && !isLoginFailure(fault)) await ignoreFailure(takeBack(key))
      throw fault
    }
  }

  /** Takes one failure back. If a success reset the count in the meantime, there is none to take back. */
  async function takeBack(key: string) {
    const { consumedPoints } = await failures.reward(key)
    if (consumedPoints < 0) await failures.penalty(key)
  }
}

/** Whether an error says that the password was wrong, or that it was right but opens no session yet. */
export const isLoginFailure = (fault: unknown) =>
  fault instanceof AuthError && (fault.code === 'INVALID_CREDENTIALS' || fault.code === 'EMAIL_NOT_VERIFIED')

/** The attempt has its result already, and a failed reset must not change it. Counts expire by themselves. */
async function ignoreFailure(reset: Promise<unknown>) {
  await reset.catch(() => {})
}
