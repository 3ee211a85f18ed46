import { Email, ImportedUsername, UserClaims } from '../../contract/fields.ts'
import { MAX_ROLES } from '../administration/roles/user-roles.ts'
import type { Dependencies } from '../dependencies.ts'
import { toStoredHash } from '../passwords/hashes/notations.ts'
import { toAccountId } from './account-id.ts'
import { inBatch } from './batch.ts'
import { findExisting } from './existing-accounts.ts'
import type { ForeignAccount, ImportOptions, ImportOutcome, ImportResult } from './foreign-account.ts'
import { type ChosenPasskeys, choosePasskeys, withoutMissing } from './foreign-passkeys.ts'
import { insertAccounts } from './new-accounts.ts'

/** Brings an address into the form in which it is stored. Null if it is invalid. */
export const normalizeEmail = (email: string) => Email.safeParse(email).data ?? null

/** The same bounds as for an administrator. The names of the roles were checked before. */
function hasAllowedGrants({ roles, claims }: ForeignAccount) {
  return roles.length <= MAX_ROLES && (isEmpty(claims) || UserClaims.safeParse(claims).success)
}

type Candidate = {
  account: ForeignAccount
  id: string
  email: string
  username: string | null
  /** As it was read; null if there is none. */
  hash: string | null
  usernameLost: boolean
  /** Null as long as it can be imported. */
  outcome: ImportOutcome | null
  chosen: ChosenPasskeys
}

const isEmpty = (object: object) => Object.keys(object).length === 0

/**
 * Imports accounts, one batch in one transaction. It never changes an account that exists, so a batch can be imported
 * again.
 */
export function createAccountImport({
  db,
  encryption,
  passwords,
  relyingParty,
}: Pick<Dependencies, 'db' | 'encryption' | 'passwords' | 'relyingParty'>) {
  let unusableHash: Promise<string> | undefined
  let costs: ReturnType<typeof passwords.limitCosts> | undefined

  /** All accounts without a password have the same one. */
  function createUnusableHash() {
    unusableHash ??= passwords.hashUnknown()
    return unusableHash
  }

  function findFault(
    { account, id, email, hash }: Pick<Candidate, 'account' | 'id' | 'hash'> & { email: string | null },
    { isAmbiguous, takesPasswordless }: ImportOptions,
    takeCost: (hash: string) => boolean,
  ): ImportOutcome | null {
    if (account.isTooLarge) return 'account is too large'
    if (email === null) return account.email.trim() === '' ? 'no address' : 'address is invalid'
    if (isAmbiguous.email(email)) return 'address is there twice'
    if (isAmbiguous.id(id)) return 'id is there twice'
    if (!hasAllowedGrants(account)) return 'roles or claims are not allowed'
    if (hash) {
      const fault = passwords.findHashFault(hash)
      return fault ?? (takeCost(hash) ? null : 'too many costs of hashes')
    }
    return takesPasswordless ? null : 'no password'
  }

  const listCosts = () => {
    costs ??= passwords.limitCosts()
    return costs
  }

  async function importAccounts(accounts: ForeignAccount[], options: ImportOptions): Promise<ImportResult[]> {
    const { take } = await listCosts()
    const candidates = accounts.map((account): Candidate => {
      const email = normalizeEmail(account.email)
      const username = ImportedUsername.parse(account.name || null)
      const hash = options.withoutHashes || !account.password ? null : toStoredHash(account.password)
      const id = toAccountId(options.system, account.id)
      const outcome = findFault({ account, id, email, hash }, options, take)
      const usernameLost = username === null && Boolean(account.name?.trim())
      const chosen: ChosenPasskeys = { taken: [], left: [] }
      return { account, id, email: email ?? '', username, hash, usernameLost, outcome, chosen }
    })
    const accepted = await findAcceptable(candidates)
    const domains = { rpId: relyingParty.id, passkeyDomain: options.passkeyDomain }
    for (const each of accepted) each.chosen = await choosePasskeys(each.account.passkeys, domains)
    if (!options.dryRun && accepted.length > 0) await insert(accepted, options)
    return candidates.map(({ id, hash, usernameLost, outcome, chosen: { taken, left } }) => ({
      id,
      usernameLost,
      isPasswordless: hash === null,
      passkeys: {
        taken: taken.length,
        needPassword: taken.filter(({ needsPassword }) => needsPassword).length,
        left,
      },
      outcome: outcome ?? 'imported',
    }))
  }

  /** Those that can be imported. The others get their outcome. */
  async function findAcceptable(candidates: Candidate[]) {
    const importable = candidates.filter(({ outcome }) => outcome === null)
    if (importable.length === 0) return []
    const existing = await inBatch(db, (tx) => findExisting(tx, importable))
    for (const each of importable) each.outcome = existing.get(each.id) ?? null
    return importable.filter(({ outcome }) => outcome === null)
  }

  async function insert(accepted: Candidate[], options: ImportOptions) {
    const hashes = await toStored(
      accepted.map(({ hash }) => hash),
      options,
    )
    const added = accepted.map((each, index) => ({
      ...each,
      password: hashes[index] ?? '',
      passkeys: each.chosen.taken,
    }))
    const missing = await inBatch(db, (tx) => insertAccounts(tx, encryption, added))
    for (const each of accepted) {
      // A client has registered these addresses at the same moment.
      if (missing.accounts.has(each.id)) each.outcome = 'address is taken here'
      if (each.chosen.taken.length > 0) each.chosen = withoutMissing(each.chosen, missing.passkeysOf(each.id))
    }
  }

  async function toStored(hashes: (string | null)[], { wrap }: ImportOptions) {
    const stored: string[] = []
    // One after the other: a hash that waits too long at the gate would be refused.
    for (const hash of hashes) {
      if (hash === null) stored.push(await createUnusableHash())
      else stored.push(wrap ? await passwords.wrap(hash) : hash)
    }
    return stored
  }

  return {
    importAccounts,
    /** How many seconds longer a failed sign-in takes because of imported hashes, with those of this import so far. */
    measureFailedSignIn: async () => (await listCosts()).measureSeconds(),
  }
}
