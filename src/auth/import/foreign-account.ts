/** An account as another system stores it. */
export type ForeignAccount = {
  id: string
  email: string
  /** Whether it has more than an import reads of one account. Then nothing else of it is known. */
  isTooLarge: boolean
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
  /** When it accepts them again. Null if that has no end. */
  bannedUntil: Date | null
  /** The keys of its authenticator apps, in Base32. */
  totpKeys: string[]
  passkeys: ForeignPasskey[]
  roles: string[]
  claims: Record<string, unknown>
}

/** A passkey as another system stores it. */
export type ForeignPasskey = {
  name: string | null
  credentialId: Buffer
  /** As COSE (RFC 9052, section 7). */
  publicKey: Buffer
  signCount: number
  /** Null if the system has not kept it. */
  isSynced: boolean | null
  /** What the device has stored as the handle of the account. */
  userHandle: Buffer
  createdAt: Date | null
  /** The domain of the other system (its relying party id). Null if the export does not say it. */
  domain: string | null
  /** Whether the system has demanded that devices keep it, so that a browser finds it without an address. */
  isDiscoverable: boolean
  /** Whether the system has demanded that the device verifies its user when it creates it. */
  isUserVerified: boolean
}

/** Why a passkey is left out. */
export type PasskeyFault =
  | 'the domain is not known, and --passkeys does not name it'
  | 'another domain than PASSKEY_RP_ID'
  | 'perhaps not discoverable, so a browser would not offer it'
  | 'a key that this server cannot use'
  | 'too many for one account'
  | 'the id is that of another passkey here'
  | 'left out by --passkeys none'

/** What happened to an account: imported, imported before, or the reason why not. */
export type ImportOutcome =
  | 'imported'
  | 'imported before'
  | 'deleted here since'
  | 'address is taken here'
  | 'account is too large'
  | 'no address'
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
  passkeys: { taken: number; needPassword: number; left: PasskeyFault[] }
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
  /** The domain of passkeys whose export does not say it, null if it is not known, `none` to take no passkeys. */
  passkeyDomain: string | null
}
