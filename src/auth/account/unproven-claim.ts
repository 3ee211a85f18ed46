import { and, eq, isNull, not, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { events } from '../../db/schema/events.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import type { EventKind } from '../events/kinds.ts'
import { endMailedTokens } from '../mailing/end-tokens.ts'

/**
 * Accounts that only claim their address: it was never verified, and no administrator has given the account anything or
 * disabled it. They give way to a proof of the mailbox, see docs/decisions/accounts.md. A locked password is that of an
 * invitation, or of an import without one.
 */
export const isUnprovenClaim = and(
  not(users.emailVerified),
  isNull(users.passwordLockedAt),
  isNull(users.disabledAt),
  sql`${users.roles} = '{}'`,
  sql`${users.claims} = '{}'`,
)

/**
 * Deletes the account that only claims an address, if there is one: its mailbox was proven for another account. Nothing of it
 * goes to that account, because it may be a stranger's, or that of a user who mistyped the address.
 */
export async function endUnprovenClaim(
  tx: Executor,
  email: string,
  provenFor: string,
  { requestId, ipAddress, userAgent }: Client,
) {
  const isClaim = and(eq(users.email, email), isUnprovenClaim)
  const [claimant] = await tx.select().from(users).where(isClaim).for('update')
  if (!claimant) return
  await deleteClaim(tx, claimant)
  const kind: EventKind = 'account_deleted'
  const detail = `address proven by ${provenFor}`
  await tx.insert(events).values({ kind, userId: claimant.id, detail, requestId, ipAddress, userAgent })
}

/** The caller has locked the account, and records why it ended. */
export async function deleteClaim(tx: Executor, claimant: UserRow) {
  await tx.delete(users).where(eq(users.id, claimant.id))
  await endMailedTokens(tx, claimant)
}
