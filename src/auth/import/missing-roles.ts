import { inArray } from 'drizzle-orm'
import { ADMIN_ROLE } from '../../contract/permissions.ts'
import type { Db } from '../../db/client.ts'
import { roles } from '../../db/schema/users.ts'

/** Finds the names that are no roles here. The role of administrators always exists. */
export function createMissingRoles({ db }: { db: Db }) {
  return async function findMissingRoles(names: string[]): Promise<string[]> {
    const stored = names.filter((name) => name !== ADMIN_ROLE)
    if (stored.length === 0) return []
    const found = await db.select({ name: roles.name }).from(roles).where(inArray(roles.name, stored))
    const known = new Set(found.map(({ name }) => name))
    return stored.filter((name) => !known.has(name))
  }
}
