import { and, asc, eq } from 'drizzle-orm'
import { type Caller, identityOf, viewerOf } from '../../contract/caller.ts'
import { requireRowId } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import { toPasskey } from '../../contract/outputs/passkeys.ts'
import type { Executor } from '../../db/client.ts'
import { isUniqueViolation } from '../../db/fault-kinds.ts'
import { factors } from '../../db/schema/factors.ts'
import { AuthError, invalid } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { changeFactors } from '../factors/factor-change.ts'
import { createOwnFactors } from '../factors/own-factors.ts'
import { recordProof, requireRecentProof } from '../factors/recent-proof.ts'
import { endRecoveryCodes } from '../factors/recovery-codes.ts'
import { isFactorOf } from '../factors/stored-factors.ts'
import { toUserHandle } from './relying-party.ts'

/** How many passkeys an account may have. */
export const MAX_PASSKEYS = 20

/** Adds, lists, renames and removes the signed-in user's own passkeys. */
export function createOwnPasskeys(dependencies: Dependencies) {
  const { ceremonies, db, relyingParty } = dependencies
  const { removeFactor } = createOwnFactors(dependencies)
  const isOwn = (userId: string) => isFactorOf(userId, 'PASSKEY')
  const list = (userId: string) =>
    db.select().from(factors).where(isOwn(userId)).orderBy(asc(factors.createdAt))

  return {
    async beginPasskey(_input: undefined, caller: Caller) {
      const identity = await identityOf(caller)
      const { user, session } = identity
      await requireRecentProof(db, identity, user)
      const present = await list(user.id)
      if (present.length >= MAX_PASSKEYS) {
        throw invalid('', `The account has ${MAX_PASSKEYS} passkeys. Remove one first.`)
      }
      const begun = await ceremonies.begin('PASSKEY_REGISTRATION', { userId: user.id, sessionId: session.id })
      const known = present.flatMap(({ credentialId }) => credentialId ?? [])
      return { ...begun, options: { ...(await relyingParty.createOptions(begun.id, user, known)) } }
    },

    /**
     * Only the session that has begun can finish, and only once. A request that is repeated after a new proof, or after the
     * database was not available, finds the ceremony again.
     */
    async addPasskey({ ceremony, response, name }: InputOf<'addPasskey'>, caller: Caller) {
      const identity = await identityOf(caller)
      await requireRecentProof(db, identity, identity.user)
      const finish = async (executor: Executor) => {
        const isFinished = await ceremonies.finish(
          executor,
          'PASSKEY_REGISTRATION',
          ceremony,
          identity.session.id,
        )
        if (!isFinished) throw new AuthError('INVALID_TOKEN')
      }
      const created = await relyingParty.verifyCreated(ceremony, response)
      if (!created) {
        await finish(db)
        throw new AuthError('INVALID_CREDENTIALS')
      }
      const change = { event: 'factor_added', notice: 'factor-added' } as const
      return changeFactors(dependencies, caller, change, async (tx, user, identity) => {
        await finish(tx)
        // Those of a factor that was removed long ago may be anywhere by now.
        if (!user.secondFactorAt) await endRecoveryCodes(tx, user.id)
        const [passkey] = await tx
          .insert(factors)
          .values({ ...created, userId: user.id, kind: 'PASSKEY', name })
          .returning()
        if (!passkey) throw new TypeError('The inserted passkey is missing')
        await recordProof(tx, identity.session, ['user', 'mfa'], true)
        return toPasskey(passkey)
      }).catch(async (fault: unknown) => {
        if (!isUniqueViolation(fault)) throw fault
        // Authenticators create random ids. A known one means that the response was sent again.
        await finish(db)
        throw new AuthError('INVALID_CREDENTIALS', { cause: fault })
      })
    },

    async passkeys(_input: undefined, caller: Caller) {
      const { user } = await viewerOf(caller)
      return (await list(user.id)).map(toPasskey)
    },

    /**
     * With exchanged names, a thief of a session would lead the owner to remove another passkey than that of the thief.
     * @throws `NOT_FOUND` for any id that is not of an own passkey
     */
    async renamePasskey({ id, name }: InputOf<'renamePasskey'>, caller: Caller) {
      const identity = await identityOf(caller)
      const { user } = identity
      await requireRecentProof(db, identity, user)
      requireRowId(id)
      const [renamed] = await db
        .update(factors)
        .set({ name })
        .where(and(eq(factors.id, id), isOwn(user.id)))
        .returning()
      if (!renamed) throw new AuthError('NOT_FOUND')
      return toPasskey(renamed)
    },

    /** Works like `removeFactor`. @throws `NOT_FOUND` for any id that is not of an own passkey */
    async removePasskey({ id }: InputOf<'removePasskey'>, caller: Caller) {
      const { user } = await identityOf(caller)
      requireRowId(id)
      const isKnown = await db.$count(factors, and(eq(factors.id, id), isOwn(user.id)))
      if (!isKnown) throw new AuthError('NOT_FOUND')
      return removeFactor({ id }, caller)
    },

    /** The arguments of the signal methods of `PublicKeyCredential`, so that browsers forget removed passkeys. */
    async passkeySignals(_input: undefined, caller: Caller) {
      const { user } = await viewerOf(caller)
      const rows = await db
        .select()
        .from(factors)
        .where(and(eq(factors.userId, user.id), eq(factors.kind, 'PASSKEY')))
        .orderBy(asc(factors.createdAt))
      const signalsOf = (handle: string | null) =>
        rows
          .filter(({ userHandle, removedAt }) => userHandle === handle && removedAt === null)
          .flatMap(({ credentialId }) => credentialId ?? [])
      // Removed ones too: a device forgets the last passkey of a handle only if it gets an empty list for it.
      const handles = new Set(rows.flatMap(({ userHandle }) => userHandle ?? []))
      return {
        rpId: relyingParty.id,
        userId: toUserHandle(user.id).toString('base64url'),
        allAcceptedCredentialIds: signalsOf(null),
        imported: [...handles].map((userId) => ({ userId, allAcceptedCredentialIds: signalsOf(userId) })),
        name: user.email,
        displayName: user.email,
      }
    },
  }
}
