import { and, eq, isNull, type SQL, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { FactorProof } from '../../contract/fields.ts'
import type { Db, Executor } from '../../db/client.ts'
import { factors, type UserRow } from '../../db/schema.ts'
import type { Encryption } from '../keys/encryption.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { noteRecoveryCode, useRecoveryCode } from './recovery-codes.ts'
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
  /** What else happens when the proof has counted, in the same transaction. */
  onUsed?: (tx: Executor, user: UserRow, client: Client) => Promise<void>
}

type Parts = { db: Db; encryption: Encryption; outbox: Outbox }

/** Checks what a client gives as a second factor. Count the guess first. */
export function createFactorProofs({ db, encryption, outbox }: Parts) {
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
      if (!recoveryCode) return null
      const onUsed: FactorUse['onUsed'] = (tx, user, client) => noteRecoveryCode(tx, outbox, user, client)
      return { statement: useRecoveryCode(recoveryCode), amr: ['otp', 'mfa'], onUsed }
    },
  }
}

/** Moves the step of an authenticator forward. Of equal codes at once only one does (RFC 6238, section 5.2). */
const useStep = (factorId: string, step: number) => sql`
  update ${factors} set last_step = ${step}, last_used_at = now() from holder
  where ${factors.id} = ${factorId}::uuid and ${factors.userId} = holder.id
    and ${factors.removedAt} is null and coalesce(${factors.lastStep} < ${step}, true)
  returning holder.id`

/** Uses a factor up in a transaction that has locked the account. @returns whether the proof counted */
export async function useFactor(tx: Executor, userId: string, { statement }: FactorUse) {
  const used = await tx.execute(sql`with holder as (select ${userId}::uuid as id) ${statement}`)
  return used.length > 0
}
