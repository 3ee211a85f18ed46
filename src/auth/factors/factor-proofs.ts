import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { FactorProof } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { factors, type UserRow } from '../../db/schema.ts'
import type { Encryption } from '../keys/encryption.ts'
import type { Outbox } from '../mailing/outbox.ts'
import type { PasskeyProofs } from '../passkeys/passkey-proofs.ts'
import { useRecoveryLink } from './factor-recovery.ts'
import type { FactorUse } from './factor-use.ts'
import { noteRecoveryCode, useRecoveryCode } from './recovery-codes.ts'
import { findStep } from './totp.ts'

export type FactorProofs = ReturnType<typeof createFactorProofs>

type Parts = { db: Db; encryption: Encryption; outbox: Outbox; passkeyProofs: PasskeyProofs }

/** Checks a client's proof of a second factor. Count the guess first. */
export function createFactorProofs({ db, encryption, outbox, passkeyProofs }: Parts) {
  const authenticatorsOf = db
    .select({ id: factors.id, secret: factors.secret, now: sql<number>`extract(epoch from now())::float8` })
    .from(factors)
    .where(
      and(eq(factors.userId, sql.placeholder('userId')), eq(factors.kind, 'TOTP'), isNull(factors.removedAt)),
    )
    .prepare('authenticators_of')

  /** Tries every authenticator of the account. The database's clock counts. */
  async function checkTotp(userId: string, code: string): Promise<FactorUse | null> {
    const authenticators = await authenticatorsOf.execute({ userId })
    for (const { id, secret, now } of authenticators) {
      const step = secret && findStep(encryption.decrypt(secret, userId).text, code, now)
      if (step) return { statement: useStep, values: { factorId: id, step }, amr: ['otp', 'mfa'] }
    }
    return null
  }

  return {
    /** Null if the proof is wrong. A right one counts only when its statement has returned a row. */
    async check({ id }: Pick<UserRow, 'id'>, proof: FactorProof, client: Client): Promise<FactorUse | null> {
      const { totp, recoveryCode, recoveryToken, passkey } = proof
      if (totp) return checkTotp(id, totp)
      if (passkey) return (await passkeyProofs.check(passkey, client, id))?.use ?? null
      if (recoveryToken) return useRecoveryLink(recoveryToken, outbox)
      if (!recoveryCode) return null
      const onUsed: FactorUse['onUsed'] = (tx, user, client) => noteRecoveryCode(tx, outbox, user, client)
      return { ...useRecoveryCode(recoveryCode), amr: ['otp', 'mfa'], onUsed }
    },
  }
}

/** Moves the step of an authenticator forward. Of equal codes at once only one does (RFC 6238, section 5.2). */
const useStep = sql`
  update ${factors} set last_step = ${sql.placeholder('step')}, last_used_at = now() from holder
  where ${factors.id} = ${sql.placeholder('factorId')}::uuid and ${factors.userId} = holder.id
    and ${factors.removedAt} is null and coalesce(${factors.lastStep} < ${sql.placeholder('step')}, true)
  returning holder.id`
