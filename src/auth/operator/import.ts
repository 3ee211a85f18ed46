import { createHash } from 'node:crypto'
import { and, eq, inArray, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import { NO_CLIENT } from '../../contract/caller.ts'
import { AccountInput, ImportedUsername } from '../../contract/fields.ts'
import type { Db, Executor } from '../../db/client.ts'
import { events, users } from '../../db/schema.ts'
import { findReservedEmails } from '../account/email-change.ts'
import type { Core } from '../core.ts'
import { toEventColumns } from '../events/events.ts'
import type { Cost } from '../passwords/hashing.ts'
import { isScrypt } from '../passwords/scrypt.ts'

/** An account as another system kept it. */
export type ForeignAccount = {
  id: string
  email: string
  emailVerified: boolean
  name: string | null
  /** The hash; null where the account signs in another way only. */
  password: string | null
  createdAt: Date | null
  updatedAt: Date | null
  /** Whether it may not sign in. */
  banned: boolean
}

/** What becomes of an account: it is taken over, was before, or is not, for this reason. */
export type Outcome =
  | 'imported'
  | 'imported before'
  | 'deleted here since'
  | 'address is taken here'
  | 'address is invalid'
  | 'address is there twice'
  | 'no password'
  | 'unknown kind of hash'
  | 'hash costs too much to check'

/** What became of an account, and its id here. */
export type Judged = { id: string; usernameLost: boolean; outcome: Outcome }

/** The form in which addresses are compared here; null for what is none. */
export const addressOf = (email: string) => AccountInput.safeParse({ email }).data?.email ?? null

/**
 * Takes accounts over, a batch in one transaction. An account that exists is never touched, so the same batch may
 * come again.
 */
export function createImport({ db, passwords }: Pick<Core, 'db' | 'passwords'>) {
  /** @param isAmbiguous whether more than one account comes with this address; neither is guessed to be its owner */
  return async function importAccounts(
    accounts: ForeignAccount[],
    { dryRun, isAmbiguous }: { dryRun: boolean; isAmbiguous: (email: string) => boolean },
  ): Promise<Judged[]> {
    const judged = accounts.map((account) => {
      const [id, email] = [idFor(account.id), addressOf(account.email)]
      const username = ImportedUsername.parse(account.name || null)
      const usernameLost = username === null && Boolean(account.name?.trim())
      const outcome = refusal(account, email, isAmbiguous, passwords.isCostAllowed)
      return { account, username, id, email, usernameLost, outcome }
    })
    const open = judged.flatMap((each) =>
      each.outcome === null && each.email !== null ? [{ ...each, email: each.email, each }] : [],
    )
    await db.transaction(async (tx) => {
      const look = await lookAround(tx, open)
      for (const one of open) one.each.outcome = look(one)
      const fresh = open.filter(({ each }) => each.outcome === 'imported')
      if (dryRun || fresh.length === 0) return
      const made = await insert(tx, fresh)
      // Whoever registered in this very moment has the address.
      for (const { id, each } of fresh) if (!made.has(id)) each.outcome = 'address is taken here'
    })
    return judged.map(({ id, usernameLost, outcome }) => ({
      id,
      usernameLost,
      outcome: outcome ?? 'imported',
    }))
  }
}

/** Whether any account still has the hash that it was imported with. */
export async function hasImportedHashes(db: Db): Promise<boolean> {
  // In the order of its own small index: else a plan made while there were many reads the whole table for the last few.
  const found = await db
    .select({ id: users.id })
    .from(users)
    .where(sql`${users.password} not like '$argon2%'`)
    .orderBy(users.id)
    .limit(1)
  return found.length > 0
}

/** A UUID stays; any other id becomes one that is always the same, so that a second run finds the first. */
function idFor(foreign: string) {
  const kept = z.uuid().safeParse(foreign)
  if (kept.success) return kept.data.toLowerCase()
  const bytes = createHash('sha256').update(`better-auth user ${foreign}`).digest().subarray(0, 16)
  // Version 8 and the variant (RFC 9562, section 5.8).
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function refusal(
  { password }: ForeignAccount,
  email: string | null,
  isAmbiguous: (email: string) => boolean,
  isCostAllowed: (cost: Cost) => boolean,
): Outcome | null {
  if (email === null) return 'address is invalid'
  if (isAmbiguous(email)) return 'address is there twice'
  if (!password) return 'no password'
  if (isScrypt(password)) return null
  const cost = argon2CostOf(password)
  if (cost === null) return 'unknown kind of hash'
  return isCostAllowed(cost) ? null : 'hash costs too much to check'
}

/** What checking an Argon2 hash costs; null for what is none, or could never be checked (RFC 9106, section 3.1). */
function argon2CostOf(hash: string): Cost | null {
  const form =
    /^\$argon2(?:id|i|d)\$v=19\$m=(\d+),t=([1-9]\d*),p=([1-9]\d*)\$[A-Za-z\d+/]{11,}\$[A-Za-z\d+/]{16,}$/
  const [found, memory, passes, lanes] = form.exec(hash) ?? []
  if (!found || hash.length > 255) return null
  const cost = { memory: Number(memory), passes: Number(passes), lanes: Number(lanes) }
  return cost.memory < 8 * cost.lanes ? null : cost
}

type Named = { id: string; email: string }

/** Finds out, for many at once, who is here already. */
async function lookAround(tx: Executor, named: Named[]): Promise<(one: Named) => Outcome> {
  if (named.length === 0) return () => 'imported'
  const ids = named.map(({ id }) => id)
  const emails = named.map(({ email }) => email)
  const here = await tx
    .select({ id: users.id, email: users.email })
    .from(users)
    .where(or(inArray(users.id, ids), inArray(users.email, emails)))
  const gone = await tx
    .select({ id: events.userId })
    .from(events)
    .where(and(inArray(events.userId, ids), eq(events.kind, 'account_deleted')))
  const back = await findReservedEmails(tx, emails)
  const [hereIds, goneIds] = [new Set(here.map(({ id }) => id)), new Set(gone.map(({ id }) => id))]
  const taken = new Set([...here.map(({ email }) => email), ...back])
  return ({ id, email }) => {
    if (hereIds.has(id)) return 'imported before'
    if (goneIds.has(id)) return 'deleted here since'
    return taken.has(email) ? 'address is taken here' : 'imported'
  }
}

type Fresh = Named & { account: ForeignAccount; username: string | null }

async function insert(tx: Executor, fresh: Fresh[]) {
  const made = await tx
    .insert(users)
    .values(
      fresh.map(({ id, email, username, account }) => ({
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
  if (made.length > 0) {
    await tx.insert(events).values(made.map(({ id }) => toEventColumns('account_imported', id, NO_CLIENT)))
  }
  return new Set(made.map(({ id }) => id))
}
