import { and, eq, isNull, type SQL, sql } from 'drizzle-orm'
import type { FactorProof } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { factors, type UserRow } from '../../db/schema.ts'
import type { Encryption } from '../keys/encryption.ts'
import { useRecoveryCode } from './recovery-codes.ts'
import { findStep } from './totp.ts'

export type FactorProofs = ReturnType<typeof createFactorProofs>

/** How a proven factor is used up, so that the same proof cannot count twice. */
export type FactorUse = {
  /**
   * A statement that returns a row only if the proof still counts. It runs as a part of the statement that needs the
   * proof, where `holder (id)` is the locked account; without a row there, it must change nothing.
   */
  statement: SQL
  /** The authentication methods (RFC 8176). */
  amr: string[]
}

/** Checks what a client gives as a second factor. Count the guess first. */
export function createFactorProofs({ db, encryption }: { db: Db; encryption: Encryption }) {
  /** Tries every authenticator of the account. The database's clock counts. */
  async function checkTotp(userId: string, code: string): Promise<FactorUse | null> {
    const authenticators = await db
      .select({ id: factors.id, secret: factors.secret, now: sql<number>`extract(epoch from now())::float8` })
      .from(factors)
      .where(and(eq(factors.userId, userId), eq(factors.kind, 'TOTP'), isNull(factors.removedAt)))
    for (const { id, secret, now } of authenticators) {
      const step = secret && findStep(encryption.decrypt(secret, userId), code, now)
      if (step) return { statement: useStep(id, step), amr: ['otp', 'mfa'] }
    }
    return null
  }

  return {
    /** Null if the proof is wrong. A right one counts only when its statement has returned a row. */
    async check({ id }: Pick<UserRow, 'id'>, { totp, recoveryCode }: FactorProof): Promise<FactorUse | null> {
      if (totp) return checkTotp(id, totp)
      if (recoveryCode) return { statement: useRecoveryCode(recoveryCode), amr: ['otp', 'mfa'] }
      return null
    },
  }
}

/** Moves the step of an authenticator forward. Of equal codes at once only one does (RFC 6238, section 5.2). */
const useStep = (factorId: string, step: number) => sql`
  update ${factors} set last_step = ${step}, last_used_at = now() from holder
  where ${factors.id} = ${factorId}::uuid and ${factors.userId} = holder.id
    and ${factors.removedAt} is null and coalesce(${factors.lastStep} < ${step}, true)
  returning holder.id`
