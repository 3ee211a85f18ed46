/** An account as another system stores it. */
export type ForeignAccount = {
  id: string
  email: string
  emailVerified: boolean
  name: string | null
  /** The language of its user. Left out if it is no tag of a language. */
  locale: string | null
  /** The password hash, in the notation of the system. Null if the account has no password. */
  password: string | null
  createdAt: Date | null
  updatedAt: Date | null
  /** Whether the other system refuses its sign-ins. */
  banned: boolean
  /** The keys of its authenticator apps, in Base32. */
  totpKeys: string[]
  roles: string[]
  claims: Record<string, unknown>
}

/** What happened to an account: imported, imported before, or the reason why not. */
export type ImportOutcome =
  | 'imported'
  | 'imported before'
  | 'deleted here since'
  | 'address is taken here'
  | 'address is invalid'
  | 'address is there twice'
  | 'id is there twice'
  | 'no password'
  | 'unknown kind of hash'
  | 'hash costs too much to check'
  | 'too many costs of hashes'
  | 'roles or claims are not allowed'

/** `id` is the id of the account here. */
export type ImportResult = {
  id: string
  usernameLost: boolean
  isPasswordless: boolean
  outcome: ImportOutcome
}

export type ImportOptions = {
  /** The name of the other system. Ids that are not UUIDs become UUIDs that are derived from it. */
  system: string
  dryRun: boolean
  /** Whether several accounts of the import have this address, or this id here. None of them is imported. */
  isAmbiguous: { email: (email: string) => boolean; id: (id: string) => boolean }
  /** Whether an account without a password is imported. Its user sets one by mail. */
  takesPasswordless: boolean
  /** Leaves the hashes out, as if no account had a password. */
  withoutHashes: boolean
  /** Puts Argon2id over hashes of other kinds. */
  wrap: boolean
}
