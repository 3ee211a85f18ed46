import { eq, type SQL, sql } from 'drizzle-orm'
import { Secret } from 'otpauth'
import type { Executor } from '../../db/client.ts'
import { recoveryCodes } from '../../db/schema.ts'
import { digest } from '../keys/sealed-tokens.ts'

export const RECOVERY_CODES = 10
/** 120 random bits are 24 characters of Base32. */
const CODE_BYTES = 15
const GROUP = /.{4}(?!$)/g

const createCode = () => new Secret({ size: CODE_BYTES }).base32.replace(GROUP, '$&-')

/** A code as it is compared: people may type it without dashes, with spaces and in lower case. */
const toHash = (code: string) => digest(code.replace(/[\s-]/g, '').toUpperCase())

/** Replaces the recovery codes of a locked user. @returns the new codes, which are stored as hashes only */
export async function replaceRecoveryCodes(tx: Executor, userId: string) {
  const codes = Array.from({ length: RECOVERY_CODES }, createCode)
  await tx.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId))
  await tx.insert(recoveryCodes).values(codes.map((code) => ({ userId, hash: toHash(code) })))
  return codes
}

/** The statement that uses a code up: it deletes its row. `holder` is the locked account. */
export const useRecoveryCode = (code: string): SQL => sql`
  delete from ${recoveryCodes} using holder
  where ${recoveryCodes.userId} = holder.id and ${recoveryCodes.hash} = ${toHash(code)}
  returning holder.id`
