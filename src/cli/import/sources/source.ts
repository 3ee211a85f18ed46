import type { ForeignAccount } from '../../../auth/import/foreign-account.ts'

/** An account of another system, with the details that cannot be imported. */
export type ForeignUser = ForeignAccount & {
  /** The names of other ways to sign in, separated by spaces. */
  social: string | null
  /** Whether it has a second factor that is not imported. */
  secondFactor: boolean
  /** Roles and claims there. Only those that the operator names become roles and claims here. */
  rolesThere: string[]
  claimsThere: Record<string, unknown>
}

/** Another system, or its export. It is read twice: at first to find the addresses and ids that are there twice. */
export type Source = {
  /** The name of the system, from which ids are derived that are not UUIDs. */
  system: string
  /** Whether accounts without a password are imported, if the operator does not say. */
  takesPasswordless: boolean
  keys: () => AsyncIterable<{ id: string; email: string; roles?: string[] }[]>
  users: () => AsyncIterable<ForeignUser[]>
  /** How much of `users` was read, from 0 to 1. */
  progress: () => number
  close: () => Promise<void>
}

export const NO_DETAILS = {
  isTooLarge: false,
  emailVerified: false,
  name: null,
  locale: null,
  password: null,
  createdAt: null,
  updatedAt: null,
  banned: false,
  bannedUntil: null,
  totpKeys: [],
  passkeys: [],
  roles: [],
  claims: {},
  rolesThere: [],
  claimsThere: {},
  social: null,
  secondFactor: false,
} satisfies Partial<ForeignUser>
