import { choice } from './kinds/choice.ts'
import { listOf, refuse } from './kinds/kind.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE

/** At most `count` in `seconds`. */
export type RateLimit = readonly [count: number, seconds: number]

/** The limits on attempts, mails and events, unless `THROTTLE_LIMITS` sets others. */
export const RATE_LIMITS = {
  loginPerAddress: [20, MINUTE],
  /** The number of failures in a row without a wait, and the longest of the growing waits after them. */
  loginFailures: [5, 15 * MINUTE],
  /** Guesses at second factors. The failures of an account cause the same waits as those of its logins. */
  factorPerAddress: [20, MINUTE],
  /** Sign-ins with a passkey that are begun. No guess is possible, so this only protects the database. */
  ceremonyPerAddress: [60, MINUTE],
  registerPerAddress: [20, HOUR],
  mailedTokenPerAddress: [10, MINUTE],
  reauthenticatePerSession: [5, 15 * MINUTE],
  /** Changes by a signed-in user. */
  writePerSession: [120, MINUTE],
  /** Fewer than half of the links of `linkMailPerMailbox`, so that a taker who changes the password ends only some of them. */
  passwordChangePerAccount: [3, HOUR],
  emailChangePerAccount: [10, HOUR],
  exportPerAccount: [10, HOUR],
  /** Mails with a link for a reset or a verification, and notices with a link if the mailbox is not proven. */
  linkMailPerMailbox: [8, HOUR],
  mailRequestPerAddress: [100, HOUR],
  /** For each kind of event that any client can cause. It also applies with `THROTTLE=off`: it protects the disk. */
  eventPerAddress: [3600, HOUR],
} as const satisfies Record<string, RateLimit>

export type RateLimitName = keyof typeof RATE_LIMITS
export type RateLimits = Record<RateLimitName, RateLimit>

/** The limits on what clients may do. */
export const throttleSettings = {
  THROTTLE: choice(['on', 'off'])
    .default('on')
    .transform((word) => word === 'on'),
  THROTTLE_LIMITS: listOf(parseLimit)
    .transform((pairs, context): RateLimits => {
      const names = pairs.map(([name]) => name)
      if (new Set(names).size < names.length) {
        context.addIssue({ code: 'custom', message: 'must name each limit once' })
      }
      return { ...RATE_LIMITS, ...Object.fromEntries(pairs) }
    })
    .prefault(''),
}

/** `name=count/seconds` */
function parseLimit(text: string): [RateLimitName, RateLimit] {
  const [, name = '', count, seconds] = /^(\w+)=(\d{1,6})\/(\d{1,7})$/.exec(text) ?? []
  if (isLimitName(name) && Number(count) > 0 && Number(seconds) > 0)
    return [name, [Number(count), Number(seconds)]]
  return refuse('must be name=count/seconds, with a name of .env.example and numbers above 0')
}

const isLimitName = (name: string): name is RateLimitName => Object.hasOwn(RATE_LIMITS, name)
