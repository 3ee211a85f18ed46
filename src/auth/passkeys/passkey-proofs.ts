import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { PasskeyProof } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { challenges, factors } from '../../db/schema/factors.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { param } from '../../db/statements/parameters.ts'
import { recordEvent } from '../events/events.ts'
import { isLiveRow, toChallengeRowId } from '../factors/challenges.ts'
import type { FactorUse } from '../factors/factor-use.ts'
import type { Outbox } from '../mailing/outbox.ts'
import type { RelyingParty } from './relying-party.ts'

export type PasskeyProofs = ReturnType<typeof createPasskeyProofs>

type Parts = { db: Db; outbox: Outbox; relyingParty: RelyingParty }

/** The account that is known already, and whether its password was shown in the same operation. */
type Owner = { id: string; hasShownPassword: boolean }

/** Checks what a browser answers when its user has chosen a passkey. */
export function createPasskeyProofs({ db, outbox, relyingParty }: Parts) {
  const isLive = isLiveRow(param('ceremony'), 'PASSKEY_LOGIN')
  /** The passkey with its account, only if the ceremony is live. */
  const find = db
    .select({ user: users, passkey: factors })
    .from(challenges)
    .innerJoin(factors, and(eq(factors.credentialId, param('credentialId')), isNull(factors.removedAt)))
    .innerJoin(users, eq(users.id, factors.userId))
    .where(isLive)
    .prepare('find_passkey')
  const end = db
    .delete(challenges)
    .where(isLive)
    .returning({ id: challenges.id })
    .prepare('end_passkey_ceremony')

  return {
    /**
     * A wrong proof ends the ceremony here, and a right one when it is used up: it counts only then.
     * @param owner the account that the passkey must belong to, if that is known already
     * @returns the account of the passkey and how it is used up; null if the proof is wrong
     */
    async check(proof: PasskeyProof, client: Client, owner?: Owner) {
      const ceremony = toChallengeRowId(proof.ceremony)
      const { proven, copied } = await verify(proof, ceremony, owner)
      if (proven) return proven
      const ended = await end.execute({ ceremony })
      // Of equal requests at once only one ends the ceremony, so only that one reports.
      if (copied && ended.length > 0) await reportCopy(copied, client)
      return null
    },
  }

  type Outcome = { proven?: { user: UserRow; use: FactorUse }; copied?: UserRow }

  async function verify(
    { ceremony, response }: PasskeyProof,
    rowId: string,
    owner?: Owner,
  ): Promise<Outcome> {
    const { id } = response
    const [found] = await find.execute({ ceremony: rowId, credentialId: typeof id === 'string' ? id : '' })
    const { credentialId, publicKey } = found?.passkey ?? {}
    if (!found || !credentialId || !publicKey || (owner && found.user.id !== owner.id)) return {}
    const { user, passkey } = found
    if (passkey.needsPassword && !owner?.hasShownPassword) return {}
    const stored = { ...passkey, credentialId, publicKey }
    const identity = { id: user.id, isIdentified: owner !== undefined }
    const used = await relyingParty.verifyUsed(ceremony, response, stored, identity)
    if (!used) return {}
    const { signCount, isSynced } = used
    if (!isSynced && isStepBack(passkey.signCount, signCount)) return { copied: user }
    const use: FactorUse = {
      uses: usePasskey,
      values: { ceremony: rowId, passkeyId: passkey.id, signCount, isSynced },
      // A key that leaves its device is kept in software (RFC 8176, section 2). The user was verified: two factors.
      amr: [isSynced ? 'swk' : 'hwk', 'user', 'mfa'],
    }
    return { proven: { user, use } }
  }

  /** The counter of a key that cannot leave its device went back, so there may be a copy (WebAuthn, section 6.1.1). */
  async function reportCopy({ id, email }: UserRow, client: Client) {
    await db.transaction(async (tx) => {
      await recordEvent(tx, 'passkey_copied', id, client)
      await outbox.add(tx, { kind: 'passkey-copied', recipient: email, userId: id })
    })
  }
}

/** Keys without a counter always send 0. */
const isStepBack = (stored: number, sent: number) => (stored > 0 || sent > 0) && sent <= stored

const sentCount = sql`${param('signCount')}::bigint`
const isSynced = sql`${param('isSynced')}::boolean`

/**
 * Ends the ceremony, which happens in any case, and moves the counter forward. Of equal counters at once only one counts; a
 * synced key has copies on purpose.
 */
const usePasskey = [
  sql`finished as (
    delete from ${challenges} where ${isLiveRow(param('ceremony'), 'PASSKEY_LOGIN')} returning ${challenges.id}
  )`,
  sql`used as (
    update ${factors} set sign_count = ${sentCount}, is_synced = ${isSynced}, needs_password = false, last_used_at = now()
    from holder, finished
    where ${factors.id} = ${param('passkeyId')}::uuid and ${factors.userId} = holder.id and ${factors.removedAt} is null
      and coalesce(${factors.isSynced}, ${isSynced}) = ${isSynced}
      and (${isSynced} or ${factors.signCount} < ${sentCount} or (${factors.signCount} = 0 and ${sentCount} = 0))
    returning holder.id
  )`,
]
