const MINUTE = 60
const HOUR = 60 * MINUTE

/** So many in so many seconds. */
export type Limit = readonly [count: number, seconds: number]

/** Every limit on attempts, mails and events, as it is unless `THROTTLE_LIMITS` says otherwise. */
export const LIMITS = {
  loginPerAddress: [20, MINUTE],
  /** The failures in a row that are free, and the longest of the waits that grow after them. */
  loginFailures: [5, 15 * MINUTE],
  registerPerAddress: [20, HOUR],
  mailedTokenPerAddress: [10, MINUTE],
  reauthenticatePerSession: [5, 15 * MINUTE],
  emailChangePerAccount: [10, HOUR],
  resetMailPerAccount: [3, HOUR],
  verificationMailPerAccount: [3, HOUR],
  mailPerRecipient: [20, HOUR],
  mailRequestPerAddress: [100, HOUR],
  /** Of each kind that anybody can cause. Counted with `THROTTLE=off` too: it guards the disk, not the accounts. */
  eventPerAddress: [3600, HOUR],
} as const satisfies Record<string, Limit>

export type LimitName = keyof typeof LIMITS
export type Limits = Record<LimitName, Limit>
