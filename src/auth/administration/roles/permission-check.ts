import { and, eq, isNull } from 'drizzle-orm'
import type { Act, Administrator } from '../../../contract/administrator.ts'
import { type Caller, identityOf, presentsServiceKey, serviceOf, viewerOf } from '../../../contract/caller.ts'
import { FRESHNESS_SECONDS } from '../../../contract/lifetimes.ts'
import type { Operation } from '../../../contract/operation.ts'
import { type AdministrationUseCases, operations } from '../../../contract/operations.ts'
import type { Permission } from '../../../contract/permissions.ts'
import type { Db, Executor } from '../../../db/client.ts'
import { serviceKeys } from '../../../db/schema/keys.ts'
import { sessions } from '../../../db/schema/sessions.ts'
import { users } from '../../../db/schema/users.ts'
import { AuthError, proofRequired, unauthenticated } from '../../../errors.ts'
import { findMethods } from '../../factors/factor-methods.ts'
import { isValid } from '../../services/service-keys.ts'
import { includesPermission, permissionsOf, type RoleMap, type Roles } from './roles.ts'

type Parts = { db: Db; roles: Roles }
type UseCase = (input: never, act: Act) => unknown
/** The same use cases as the adapters call them. */
type Checked<UseCases> = {
  [Name in keyof UseCases]: UseCases[Name] extends (input: infer I, act: Act) => infer O
    ? (input: I, caller: Caller) => Promise<Awaited<O>>
    : never
}

/**
 * Checks the permission that each operation of administration defines, for both adapters. The caller is a user with a
 * role that holds it, who has proven a second factor within 15 minutes, or a service with a key whose scopes hold it.
 */
export function createPermissionCheck({ db, roles }: Parts) {
  /** @throws `UNAUTHENTICATED`, `FORBIDDEN`, or `REAUTHENTICATION_REQUIRED` */
  async function findUser(caller: Caller, permission: Permission, isRead: boolean): Promise<Administrator> {
    const { user, sessionId, secondsOfFactor } = await (isRead ? readViewer(caller) : readIdentity(caller))
    /** By the roles as they were read last. A change reads them again in its transaction. */
    let held: string[] = []
    const holds = (wanted: string) => includesPermission(held, wanted)
    function takeRoles(roleNames: string[], all: RoleMap) {
      held = permissionsOf(roleNames, all)
      if (!holds(permission)) throw new AuthError('FORBIDDEN', { permission })
    }
    async function assertCurrent(tx: Executor) {
      const [row] = await tx
        .select({ roles: users.roles })
        .from(sessions)
        .innerJoin(users, eq(users.id, sessions.userId))
        .where(and(eq(sessions.id, sessionId), isNull(users.disabledAt)))
      if (!row) throw unauthenticated('REVOKED')
      takeRoles(row.roles, await roles.listWithin(tx))
    }
    takeRoles(user.roles, await roles.list())
    const administrator = { userId: user.id, serviceKey: null, holds, assertCurrent }
    if (secondsOfFactor <= FRESHNESS_SECONDS) return administrator
    const methods = await findMethods(db, user.id)
    throw proofRequired({ acr: 'aal2', maxAge: FRESHNESS_SECONDS, methods })
  }

  return function checkPermissions<UseCases extends AdministrationUseCases>(useCases: UseCases) {
    const checked = Object.entries<UseCase>(useCases as unknown as Record<string, UseCase>).map(
      ([name, perform]) => {
        const operation = (operations as Record<string, Operation>)[name]
        const permission = operation?.permission
        if (!permission) throw new TypeError(`The operation ${name} has no permission`)
        const isRead = operation.kind === 'query'
        const check = async (input: never, caller: Caller) => {
          const administrator = await (presentsServiceKey(caller)
            ? findService(caller, permission)
            : findUser(caller, permission, isRead))
          return perform(input, { administrator, client: caller.client })
        }
        return [name, check]
      },
    )
    return Object.fromEntries(checked) as Checked<UseCases>
  }
}

/** @throws `UNAUTHENTICATED`, `FORBIDDEN` */
async function findService(caller: Caller, permission: Permission): Promise<Administrator> {
  const { id, name, scopes } = await serviceOf(caller, permission)
  const isThis = and(eq(serviceKeys.id, id), isValid)
  const holds = (wanted: string) => scopes.has(wanted as Permission)
  async function assertCurrent(tx: Executor) {
    const [row] = await tx.select({ id: serviceKeys.id }).from(serviceKeys).where(isThis)
    if (!row) throw unauthenticated('INVALID')
  }
  return { userId: null, serviceKey: { id, name }, holds, assertCurrent }
}

/** Reads may use the session cache. */
async function readViewer(caller: Caller) {
  const { user, sessionId, factorProvenAt } = await viewerOf(caller)
  return { user, sessionId, secondsOfFactor: (performance.now() - factorProvenAt) / 1000 }
}

/** Changes ask the database. */
async function readIdentity(caller: Caller) {
  const { user, session, ages } = await identityOf(caller)
  return { user, sessionId: session.id, secondsOfFactor: ages.factor }
}
