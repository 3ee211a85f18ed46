import { and, count, desc, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import type { Scope } from '../../contract/service-key.ts'
import type { Db } from '../../db/client.ts'
import { serviceKeys } from '../../db/schema.ts'
import { createServiceKey } from './service-key-secret.ts'
import { isValid } from './service-keys.ts'

/** Every replica holds all keys that are valid in memory. */
export const MAX_SERVICE_KEYS = 1000
/** The latest are shown, revoked and expired ones too. */
const MAX_SHOWN_KEYS = 2 * MAX_SERVICE_KEYS

export type ServiceKeyRequest = { name: string; scopes: readonly Scope[]; expiresAt: Date | null }

/** Creates, lists and revokes the keys of other services. Only their hashes are stored. */
export function createServiceKeyChanges({ db }: { db: Db }) {
  const { hash: _, ...shown } = getTableColumns(serviceKeys)

  return {
    /** @returns the key, which is not stored, and its row; null if there are too many */
    async create({ name, scopes, expiresAt }: ServiceKeyRequest) {
      const { key, hash } = createServiceKey()
      return db.transaction(async (tx) => {
        const [valid] = await tx.select({ rows: count() }).from(serviceKeys).where(isValid)
        if ((valid?.rows ?? 0) >= MAX_SERVICE_KEYS) return null
        const values = { name, hash, scopes: [...scopes], expiresAt }
        const [row] = await tx.insert(serviceKeys).values(values).returning(shown)
        return row ? { key, ...row } : null
      })
    },

    /** All keys, the newest first. */
    list: () =>
      db
        .select({ ...shown, isValid: sql<boolean>`${isValid}` })
        .from(serviceKeys)
        .orderBy(desc(serviceKeys.createdAt), desc(serviceKeys.id))
        .limit(MAX_SHOWN_KEYS),

    /** A revoked key stays in the table, as a record. @returns its name; null if no key that is valid has this id */
    async revoke(id: string) {
      const [row] = await db
        .update(serviceKeys)
        .set({ revokedAt: sql`now()` })
        .where(and(eq(serviceKeys.id, id), isNull(serviceKeys.revokedAt)))
        .returning({ name: serviceKeys.name })
      return row?.name ?? null
    },
  }
}
