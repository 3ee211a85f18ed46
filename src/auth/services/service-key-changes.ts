import { and, desc, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import type { Act, Administrator } from '../../contract/administrator.ts'
import { requireRowId } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import type {
  CreatedServiceKey,
  ServiceKeyRecord,
} from '../../contract/outputs/administration/service-key.ts'
import type { Db, Executor } from '../../db/client.ts'
import { LOCKS } from '../../db/locks.ts'
import { serviceKeys } from '../../db/schema/keys.ts'
import { AuthError, invalid } from '../../errors.ts'
import { requireAll } from '../administration/roles/user-roles.ts'
import { recordAdministration } from '../events/administration-events.ts'
import { createServiceKey } from './service-key-secret.ts'
import { isValid } from './service-keys.ts'

/** Every replica keeps all valid keys in memory. */
export const MAX_SERVICE_KEYS = 1000
/** All valid ones are shown, and the latest of those that were revoked or have expired. */
const MAX_SHOWN_KEYS = 2 * MAX_SERVICE_KEYS

/** Creates, lists and revokes the keys of other services. Only their hashes are stored. */
export function createServiceKeyChanges({ db }: { db: Db }) {
  const { hash: _, ...columns } = getTableColumns(serviceKeys)
  const shown = { ...columns, valid: sql<boolean>`${isValid}` }

  return {
    /** The valid keys and then the others, the newest first. So no number of revoked keys hides one that works. */
    serviceKeys: (): Promise<ServiceKeyRecord[]> =>
      db
        .select(shown)
        .from(serviceKeys)
        .orderBy(desc(shown.valid), desc(serviceKeys.createdAt), desc(serviceKeys.id))
        .limit(MAX_SHOWN_KEYS),

    /**
     * @throws `FORBIDDEN` if the administrator does not hold a scope, or one of another key with this name; `INVALID_INPUT`
     * if the key would outlive the one that creates it, or if there are too many keys
     */
    async createServiceKey(
      { name, scopes, expiresAt: wanted = null }: InputOf<'createServiceKey'>,
      act: Act,
    ): Promise<CreatedServiceKey> {
      const { key, hash } = createServiceKey()
      const serviceKey = await db.transaction(async (tx) => {
        // Several at once would each count the keys before the others are there.
        await tx.execute(sql`select pg_advisory_xact_lock(${LOCKS.serviceKeys})`)
        await act.administrator.assertCurrent(tx)
        requireAll(act.administrator, [...scopes, ...(await scopesOfName(tx, name))])
        const expiresAt = await boundExpiry(tx, wanted, act.administrator)
        if ((await tx.$count(serviceKeys, isValid)) >= MAX_SERVICE_KEYS) throw invalid('name', TOO_MANY)
        const [row] = await tx.insert(serviceKeys).values({ name, hash, scopes, expiresAt }).returning(shown)
        const detail = `${name}: ${scopes.join(' ')}`
        await recordAdministration(tx, 'service_key_created', { detail }, act)
        return row as ServiceKeyRecord
      })
      return { key, serviceKey }
    },

    /**
     * A revoked key stays in the table, as a record.
     * @throws `NOT_FOUND`, or `FORBIDDEN` if the administrator does not hold a scope
     */
    async revokeServiceKey({ id }: InputOf<'revokeServiceKey'>, act: Act) {
      requireRowId(id)
      await db.transaction(async (tx) => {
        const [row] = await tx
          .select({ name: serviceKeys.name, scopes: serviceKeys.scopes })
          .from(serviceKeys)
          .where(and(eq(serviceKeys.id, id), isNull(serviceKeys.revokedAt)))
          .for('update')
        if (!row) throw new AuthError('NOT_FOUND')
        // Before the key is revoked, because it may be the one that calls.
        await act.administrator.assertCurrent(tx)
        requireAll(act.administrator, row.scopes)
        await tx.update(serviceKeys).set({ revokedAt: sql`now()` }).where(eq(serviceKeys.id, id))
        const subject = { detail: row.name }
        await recordAdministration(tx, 'service_key_revoked', subject, act)
      })
      return true
    },
  }
}

/** What a service may already do. Events name it, so a key of its name must not be given to a caller that may do less. */
async function scopesOfName(tx: Executor, name: string) {
  const { scopes } = serviceKeys
  const keys = await tx
    .select({ scopes })
    .from(serviceKeys)
    .where(and(eq(serviceKeys.name, name), isValid))
  return keys.flatMap((key) => key.scopes)
}

/** A key that another key creates expires with it, or earlier. */
async function boundExpiry(tx: Executor, wanted: Date | null, { serviceKey }: Administrator) {
  if (!serviceKey) return wanted
  const { expiresAt } = serviceKeys
  const [creator] = await tx.select({ expiresAt }).from(serviceKeys).where(eq(serviceKeys.id, serviceKey.id))
  const latest = creator?.expiresAt ?? null
  if (wanted && latest && wanted > latest) throw invalid('expiresAt', OUTLIVES)
  return wanted ?? latest
}

const OUTLIVES = 'Must not be later than the expiry of the key that creates it.'
const TOO_MANY = `There are ${MAX_SERVICE_KEYS} valid keys. Revoke those that no service uses.`
