import { createHash } from 'node:crypto'
import { and, eq, inArray, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import { NO_CLIENT } from '../../contract/caller.ts'
import { AccountInput, ImportedUsername } from '../../contract/fields.ts'
import type { Executor } from '../../db/client.ts'
import { events, users } from '../../db/schema.ts'
import { findReservations } from '../account/email-change.ts'
import type { Dependencies } from '../dependencies.ts'
import { toEventColumns } from '../events/events.ts'
import { toStoredHash } from '../passwords/hashes/notations.ts'
import type { Passwords } from '../passwords/hashing.ts'

/** An account as another system stores it. */
export type ForeignAccount = {
  id: string
  email: string
  emailVerified: boolean
  name: string | null
  /** The password hash. Null if the account has no password. */
  password: string | null
  createdAt: Date | null
  updatedAt: Date | null
  /** Whether the other system refuses its sign-ins. */
  banned: boolean
}

/** What happened to an account: imported, imported before, or the reason why not. */
export type ImportOutcome =
  | 'imported'
  | 'imported before'
  | 'deleted here since'
  | 'address is taken here'
  | 'address is invalid'
  | 'address is there twice'
  | 'no password'
  | 'unknown kind of hash'
  | 'hash costs too much to check'

/** `id` is the id of the account here. */
export type ImportResult = { id: string; usernameLost: boolean; outcome: ImportOutcome }

/** Brings an address into the form in which it is stored. Null if it is invalid. */
export const normalizeEmail = (email: string) => AccountInput.safeParse({ email }).data?.email ?? null

/**
 * Imports accounts, one batch in one transaction. It never changes an account that exists, so a batch can be imported
 * again.
 */
export function createAccountImport({ db, passwords }: Pick<Dependencies, 'db' | 'passwords'>) {
  /** @param isAmbiguous whether several accounts of the import have this address; none of them is imported */
  return async function importAccounts(
    accounts: ForeignAccount[],
    { dryRun, isAmbiguous }: { dryRun: boolean; isAmbiguous: (email: string) => boolean },
  ): Promise<ImportResult[]> {
    const candidates = accounts.map((account) => {
      const [id, email] = [toAccountId(account.id), normalizeEmail(account.email)]
      const username = ImportedUsername.parse(account.name || null)
      const usernameLost = username === null && Boolean(account.name?.trim())
      const password = account.password ? toStoredHash(account.password) : null
      const outcome = findFault(password, email, isAmbiguous, passwords)
      return { account: { ...account, password }, username, id, email, usernameLost, outcome }
    })
    const importable = candidates.flatMap((candidate) =>
      candidate.outcome === null && candidate.email !== null
        ? [{ ...candidate, email: candidate.email, candidate }]
        : [],
    )
    await db.transaction(async (tx) => {
      const decideOutcome = await readExisting(tx, importable)
      for (const each of importable) each.candidate.outcome = decideOutcome(each)
      const accepted = importable.filter(({ candidate }) => candidate.outcome === 'imported')
      if (dryRun || accepted.length === 0) return
      const insertedIds = await insertAccounts(tx, accepted)
      // A row is missing if a client registered its address at the same moment.
      for (const { id, candidate } of accepted) {
        if (!insertedIds.has(id)) candidate.outcome = 'address is taken here'
      }
    })
    return candidates.map(({ id, usernameLost, outcome }) => ({
      id,
      usernameLost,
      outcome: outcome ?? 'imported',
    }))
  }
}

/** Keeps a UUID. Hashes any other id to a UUID, always the same one, so that a second import finds the account. */
function toAccountId(foreign: string) {
  const kept = z.uuid().safeParse(foreign)
  if (kept.success) return kept.data.toLowerCase()
  const bytes = createHash('sha256').update(`better-auth user ${foreign}`).digest().subarray(0, 16)
  // Version 8 and the variant (RFC 9562, section 5.8).
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function findFault(
  password: string | null,
  email: string | null,
  isAmbiguous: (email: string) => boolean,
  passwords: Passwords,
): ImportOutcome | null {
  if (email === null) return 'address is invalid'
  if (isAmbiguous(email)) return 'address is there twice'
  return password ? passwords.findHashFault(password) : 'no password'
}

type Candidate = { id: string; email: string }

/** Reads which accounts and addresses exist here already, for the whole batch at once. */
async function readExisting(
  tx: Executor,
  candidates: Candidate[],
): Promise<(candidate: Candidate) => ImportOutcome> {
  if (candidates.length === 0) return () => 'imported'
  const ids = candidates.map(({ id }) => id)
  const emails = candidates.map(({ email }) => email)
  const existing = await tx
    .select({ id: users.id, email: users.email })
    .from(users)
    .where(or(inArray(users.id, ids), inArray(users.email, emails)))
  const deleted = await tx
    .select({ id: events.userId })
    .from(events)
    .where(and(inArray(events.userId, ids), eq(events.kind, 'account_deleted')))
  const reserved = await findReservations(tx, emails)
  const existingIds = new Set(existing.map(({ id }) => id))
  const deletedIds = new Set(deleted.map(({ id }) => id))
  const takenEmails = new Set([...existing.map(({ email }) => email), ...reserved.map(({ email }) => email)])
  return ({ id, email }) => {
    if (existingIds.has(id)) return 'imported before'
    if (deletedIds.has(id)) return 'deleted here since'
    return takenEmails.has(email) ? 'address is taken here' : 'imported'
  }
}

type NewAccount = Candidate & { account: ForeignAccount; username: string | null }

async function insertAccounts(tx: Executor, accounts: NewAccount[]) {
  const inserted = await tx
    .insert(users)
    .values(
      accounts.map(({ id, email, username, account }) => ({
        id,
        email,
        username,
        emailVerified: account.emailVerified,
        password: account.password ?? '',
        disabledAt: account.banned ? sql`now()` : null,
        createdAt: account.createdAt ?? sql`now()`,
        updatedAt: account.updatedAt ?? sql`now()`,
      })),
    )
    .onConflictDoNothing()
    .returning({ id: users.id })
  if (inserted.length > 0) {
    await tx
      .insert(events)
      .values(inserted.map(({ id }) => toEventColumns('account_imported', id, NO_CLIENT)))
  }
  return new Set(inserted.map(({ id }) => id))
}
