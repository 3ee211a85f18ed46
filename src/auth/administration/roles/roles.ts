import { asc, type Placeholder, sql } from 'drizzle-orm'
import { ADMIN_ROLE, ALL_PERMISSIONS } from '../../../contract/permissions.ts'
import type { Changes } from '../../../db/changes/changes.ts'
import type { Db, Executor } from '../../../db/client.ts'
import { secondsSince } from '../../../db/moments.ts'
import { roles as table, users } from '../../../db/schema/users.ts'

export type Roles = ReturnType<typeof createRoles>

/** `changedAtMs`: by the clock of this process. */
type KnownRole = { name: string; permissions: string[]; changedAt: Date; changedAtMs: number }
/** All roles by name, but the built-in one. */
export type RoleMap = ReadonlyMap<string, KnownRole>

/** The roles, in the memory of this replica as long as it is certain that none has changed. */
export function createRoles({ db, changes }: { db: Db; changes: Changes }) {
  let known: RoleMap | undefined
  let generation = 0
  function forget() {
    known = undefined
    generation++
  }

  changes.subscribe({ onChange: () => {}, onGap: forget })
  const all = select(db).prepare('all_roles')
  const certain = () => (changes.isCurrent() && known) || undefined

  async function read(): Promise<RoleMap> {
    const before = generation
    const found = toRoleMap(await all.execute())
    // Takes in what changed during the read.
    if (changes.isCurrent() && generation === before) known = found
    return found
  }

  return {
    /** After a commit that changes a role. Other replicas get a NOTIFY. */
    forget,
    /** Returns without a promise if the memory is certain. */
    list: (): RoleMap | Promise<RoleMap> => certain() ?? read(),
    /**
     * For a change, from the table: it may have waited for another change, whose NOTIFY is still on its way. It must not wait
     * for another connection: the pool may be full of transactions that wait for this one. Call it before it changes roles.
     */
    listWithin: async (tx: Executor): Promise<RoleMap> => toRoleMap(await select(tx)),
  }
}

const select = (executor: Executor) =>
  executor
    .select({
      name: table.name,
      permissions: table.permissions,
      changedAt: table.changedAt,
      ageSeconds: secondsSince(table.changedAt),
    })
    .from(table)
    .orderBy(asc(table.name))

function toRoleMap(rows: Awaited<ReturnType<typeof select>>): RoleMap {
  const nowMs = Date.now()
  return new Map(
    rows.map(({ ageSeconds, ...role }) => [role.name, { ...role, changedAtMs: nowMs - ageSeconds * 1000 }]),
  )
}

/** What the holder of these roles may do, sorted. A role that does not exist allows nothing. */
export function permissionsOf(roleNames: string[], roles: RoleMap): string[] {
  if (roleNames.includes(ADMIN_ROLE)) return [ALL_PERMISSIONS]
  return [...new Set(roleNames.flatMap((name) => roles.get(name)?.permissions ?? []))].sort()
}

/** The condition of users with a role. The first half lets PostgreSQL use the index, which has only users with roles. */
export const hasRole = (name: string | Placeholder) =>
  sql`${users.roles} <> '{}' and ${users.roles} @> array[${name}::text]`

/** Whether permissions include one. */
export const includesPermission = (permissions: readonly string[], permission: string) =>
  permissions.includes(permission) || permissions.includes(ALL_PERMISSIONS)
