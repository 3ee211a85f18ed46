import { sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { FactorProof } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { factors } from '../../db/schema/factors.ts'
import type { UserRow } from '../../db/schema/users.ts'
import { param } from '../../db/statements/parameters.ts'
import type { Encryption } from '../keys/encryption.ts'
import type { Outbox } from '../mailing/outbox.ts'
import type { PasskeyProofs } from '../passkeys/passkey-proofs.ts'
import { type Authenticators, findAuthenticators } from './authenticators.ts'
import { useRecoveryLink } from './factor-recovery.ts'
import type { FactorUse } from './factor-use.ts'
import { recordRecoveryCode, useRecoveryCode } from './recovery-codes.ts'
import { findStep } from './totp.ts'

export type FactorProofs = ReturnType<typeof createFactorProofs>

type Parts = { db: Db; encryption: Encryption; outbox: Outbox; passkeyProofs: PasskeyProofs }

/** What a code is checked against: the apps of the account, and the time of the database. */
type Expected = { authenticators: Authenticators | null; now: number }

/** Checks a client's proof of a second factor. Count the guess first. */
export function createFactorProofs({ db, encryption, outbox, passkeyProofs }: Parts) {
  /** Tries every authenticator of the account. */
  function checkTotp(userId: string, code: string, { authenticators, now }: Expected): FactorUse | null {
    for (const { id, secret } of authenticators ?? []) {
      const key = encryption.decrypt(secret, userId)
      const step = key && findStep(key.text, code, now)
      if (step) return { uses: useStep, values: { factorId: id, step }, amr: ['otp', 'mfa'] }
    }
    return null
  }

  return {
    /**
     * Null if the proof is wrong. A right one counts only when its statement has returned a row.
     * @param hasShownPassword in the same operation. `expected`: if it was read already
     */
    async check(
      { id }: Pick<UserRow, 'id'>,
      proof: FactorProof,
      client: Client,
      { hasShownPassword, expected }: { hasShownPassword: boolean; expected?: Expected },
    ): Promise<FactorUse | null> {
      const { totp, recoveryCode, recoveryToken, passkey } = proof
      if (totp) {
        const [read] = expected ? [expected] : await findAuthenticators(db, { userId: id })
        return read ? checkTotp(id, totp, read) : null
      }
      if (passkey) return (await passkeyProofs.check(passkey, client, { id, hasShownPassword }))?.use ?? null
      if (recoveryToken) return useRecoveryLink(recoveryToken, outbox)
      if (!recoveryCode) return null
      const onUsed: FactorUse['onUsed'] = (tx, user, client) => recordRecoveryCode(tx, outbox, user, client)
      return { ...useRecoveryCode(recoveryCode), amr: ['otp', 'mfa'], onUsed }
    },
  }
}

/** Moves the step of an authenticator forward. Of equal codes at once only one does (RFC 6238, section 5.2). */
const useStep = [
  sql`used as (
    update ${factors} set last_step = ${param('step')}, last_used_at = now() from holder
    where ${factors.id} = ${param('factorId')}::uuid and ${factors.userId} = holder.id
      and ${factors.removedAt} is null and coalesce(${factors.lastStep} < ${param('step')}, true)
    returning holder.id
  )`,
]
