import { and, eq, isNull, type SQL, sql } from 'drizzle-orm'
import { NO_CLIENT } from '../../contract/caller.ts'
import type { Db } from '../../db/client.ts'
import { factors, users } from '../../db/schema.ts'
import { recordEvent } from '../events/events.ts'
import type { FactorUse } from '../factors/factor-use.ts'
import type { Outbox } from '../mailing/outbox.ts'
import type { Ceremonies } from './ceremonies.ts'
import type { RelyingParty } from './relying-party.ts'

export type PasskeyProofs = ReturnType<typeof createPasskeyProofs>

type Parts = { ceremonies: Ceremonies; db: Db; outbox: Outbox; relyingParty: RelyingParty }

/** Checks what a browser answers when its user has chosen a passkey. */
export function createPasskeyProofs({ ceremonies, db, outbox, relyingParty }: Parts) {
  /** The passkey that a response names, and its account. */
  async function find(response: Record<string, unknown>) {
    if (typeof response.id !== 'string') return undefined
    const isNamed = and(eq(factors.credentialId, response.id), isNull(factors.removedAt))
    const [found] = await db
      .select({ user: users, passkey: factors })
      .from(factors)
      .innerJoin(users, eq(users.id, factors.userId))
      .where(isNamed)
    return found
  }

  return {
    /**
     * Ends the ceremony in any case. A right proof counts only when its statement has returned a row.
     * @param onlyUserId the account that the passkey must belong to, if that is known already
     * @returns the account of the passkey and how it is used up; null if the proof is wrong
     */
    async check(
      { ceremony, response }: { ceremony: string; response: Record<string, unknown> },
      onlyUserId?: string,
    ) {
      if (!(await ceremonies.finish(db, 'PASSKEY_LOGIN', ceremony))) return null
      const found = await find(response)
      const { credentialId, publicKey, signCount, isSynced } = found?.passkey ?? {}
      if (!found || !credentialId || !publicKey || (onlyUserId && found.user.id !== onlyUserId)) return null
      const { user, passkey } = found
      const used = await relyingParty.verifyUsed(ceremony, response, { credentialId, publicKey }, user.id)
      if (!used) return null
      if (!isSynced && isStepBack(signCount ?? 0, used.signCount)) {
        await tellOfCopy(user)
        return null
      }
      const use: FactorUse = {
        statement: usePasskey(passkey.id, used.signCount),
        // A key that leaves its device is kept in software (RFC 8176, section 2). The user was verified: two factors.
        amr: [isSynced ? 'swk' : 'hwk', 'user', 'mfa'],
      }
      return { user, use }
    },
  }

  /** The counter of a key that cannot leave its device went back, so there may be a copy (WebAuthn, section 6.1.1). */
  async function tellOfCopy({ id, email }: { id: string; email: string }) {
    await db.transaction(async (tx) => {
      await recordEvent(tx, 'passkey_copied', id, NO_CLIENT)
      await outbox.add(tx, { kind: 'passkey-copied', recipient: email, userId: id })
    })
  }
}

/** Keys without a counter always send 0. */
const isStepBack = (stored: number, sent: number) => (stored > 0 || sent > 0) && sent <= stored

/** Moves the counter forward. Of equal counters at once only one counts; a synced key has copies on purpose. */
const usePasskey = (factorId: string, signCount: number): SQL => sql`
  update ${factors} set sign_count = ${signCount}, last_used_at = now() from holder
  where ${factors.id} = ${factorId}::uuid and ${factors.userId} = holder.id and ${factors.removedAt} is null
    and (${factors.isSynced} or ${factors.signCount} < ${signCount} or (${factors.signCount} = 0 and ${signCount} = 0))
  returning holder.id`
