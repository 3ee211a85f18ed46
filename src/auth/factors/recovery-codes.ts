import { eq, sql } from 'drizzle-orm'
import { Secret } from 'otpauth'
import type { Client } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { recoveryCodes } from '../../db/schema/factors.ts'
import type { UserRow } from '../../db/schema/users.ts'
import { param } from '../../db/statements/parameters.ts'
import { recordEvent } from '../events/events.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { Outbox } from '../mailing/outbox.ts'

export const RECOVERY_CODES = 10
/** From this many left, each use is also a mail. */
const FEW_RECOVERY_CODES = 3
/** 120 random bits are 24 characters of Base32. */
const CODE_BYTES = 15
const GROUP = /.{4}(?!$)/g

const createCode = () => new Secret({ size: CODE_BYTES }).base32.replace(GROUP, '$&-')

/** A code as it is compared: people may type it without dashes, with spaces and in lower case. */
const toHash = (code: string) => digest(code.replace(/[\s-]/g, '').toUpperCase())

/** Ends the recovery codes of a locked user. */
export async function endRecoveryCodes(tx: Executor, userId: string) {
  await tx.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId))
}

/** Replaces the recovery codes of a locked user. @returns the new codes, which are stored as hashes only */
export async function replaceRecoveryCodes(tx: Executor, userId: string) {
  const codes = Array.from({ length: RECOVERY_CODES }, createCode)
  await endRecoveryCodes(tx, userId)
  await tx.insert(recoveryCodes).values(codes.map((code) => ({ userId, hash: toHash(code) })))
  return codes
}

/** How a code is used up: its row is deleted. */
export const useRecoveryCode = (code: string) => ({
  uses: deleteCode,
  values: { codeHash: toHash(code) },
})

const deleteCode = [
  sql`used as (
    delete from ${recoveryCodes} using holder
    where ${recoveryCodes.userId} = holder.id and ${recoveryCodes.hash} = ${param('codeHash')}
    returning holder.id
  )`,
]

/** Records that a recovery code was used. Once few are left, a mail says so. */
export async function recordRecoveryCode(
  tx: Executor,
  outbox: Outbox,
  { id, email }: Pick<UserRow, 'id' | 'email'>,
  client: Client,
) {
  await recordEvent(tx, 'recovery_code_used', id, client)
  const left = await tx.$count(recoveryCodes, eq(recoveryCodes.userId, id))
  if (left <= FEW_RECOVERY_CODES) {
    await outbox.add(tx, { kind: 'recovery-codes-low', recipient: email, userId: id })
  }
}
