import { sql } from 'drizzle-orm'
import { toClaimObject } from '../../contract/outputs/administration/managed-user.ts'
import type { Time } from '../../contract/outputs/fields.ts'
import { ADMIN_ROLE } from '../../contract/permissions.ts'
import { secondsSince } from '../../db/moments.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import type { Env } from '../../env.ts'
import type { ClaimSource } from '../../settings/claims.ts'
import { permissionsOf, type RoleMap, type Roles } from '../administration/roles/roles.ts'

export type TokenClaims = ReturnType<typeof createTokenClaims>

/** What access tokens say of a user. `secondsSinceClaims`: null if the roles and claims have never changed. */
export type ClaimedUser = Pick<UserRow, 'id' | 'roles' | 'claims'> & {
  claimsChangedAt: Time | null
  secondsSinceClaims: number | null
}

/** In a statement that reads a user: by the clock of the database, because that of this machine may be wrong. */
export const secondsSinceClaims = sql<number | null>`${secondsSince(users.claimsChangedAt)}`

/** What a token says about roles and claims, as far as it decides whether the token is of now. */
type SaidClaims = { claims_at?: number | undefined; scope?: string | undefined }

type Said = Record<string, unknown>
/** What tokens say of some roles, the same for all of their holders, and when one of these roles last changed. */
type Grant = { permissions: string[]; said: Said & { scope: string }; changedAtMs: number }

/** The role in tokens of users without one, for services that need one. */
const DEFAULT_ROLE = 'user'
/** How long after a row was changed its transaction may commit. Services compare with the moment of the commit. */
const MAX_COMMIT_MS = 100
/** Of so many sets of roles, the grants are kept. */
const MAX_GRANTS = 1000

/**
 * What access tokens say about roles and claims: `roles` and `entitlements` (RFC 9068, section 2.2.3.1), `scope`, and what the
 * settings and the user's own claims add. `claims_at` is when the user's row last changed, so that a token that says
 * something else than a new one would is refused as expired, to the millisecond and by any clock.
 */
export function createTokenClaims({
  roles,
  settings,
}: {
  roles: Roles
  settings: Pick<Env, 'CLAIMS' | 'CLAIMS_FILE'>
}) {
  const mapping = Object.entries(settings.CLAIMS_FILE ?? {})
  const isForHasura = settings.CLAIMS.includes('hasura')
  const isForPostgrest = settings.CLAIMS.includes('postgrest')
  const isPlain = !isForHasura && !isForPostgrest && mapping.length === 0

  const grantOf = createGrants()

  function toClaims(given: ClaimedUser, { permissions, said }: Grant): Said {
    const user = { ...given, claims: toClaimObject(given.claims) }
    const [own, variables] = splitVariables(user.claims, isForHasura)
    return {
      ...own,
      ...(isForPostgrest && { role: user.roles[0] ?? DEFAULT_ROLE }),
      ...(isForHasura && { 'https://hasura.io/jwt/claims': { ...variables, ...toHasuraVariables(user) } }),
      ...toMapped(user, permissions),
      ...(user.roles.length > 0 && said),
      ...(user.claimsChangedAt && { claims_at: new Date(user.claimsChangedAt).getTime() }),
    }
  }

  const toMapped = (user: ClaimedUser, permissions: string[]) =>
    mapping.length > 0 &&
    Object.fromEntries(mapping.map(([name, source]) => [name, resolve(source, user, permissions)]))

  /** Waits for the next second after a change. */
  function sayAfterChange(user: ClaimedUser, map: RoleMap): Said | Promise<Said> {
    const { secondsSinceClaims: seconds } = user
    const grant = grantOf(user.roles, map)
    const userChangedAtMs = seconds === null ? 0 : Date.now() - seconds * 1000
    const changedAtMs = Math.max(userChangedAtMs, grant.changedAtMs)
    const waitMs = Math.ceil((changedAtMs + MAX_COMMIT_MS + 1) / 1000) * 1000 - Date.now()
    if (waitMs <= 0) return toClaims(user, grant)
    return Bun.sleep(Math.min(waitMs, 1000 + MAX_COMMIT_MS)).then(() => toClaims(user, grant))
  }

  return {
    /**
     * The claims of a new token. Waits for the next second after a change: services refuse all tokens of the second of a
     * change, because `iat` is in whole seconds. Returns without a promise if it neither waits nor reads the roles.
     */
    of(user: ClaimedUser): Said | Promise<Said> {
      const hasNone = user.roles.length === 0 && user.claimsChangedAt === null
      if (hasNone) return isPlain ? NOTHING : toClaims(user, NO_GRANT)
      const map = roles.list()
      return map instanceof Promise
        ? map.then((found) => sayAfterChange(user, found))
        : sayAfterChange(user, map)
    },

    /** Whether a token says what a new one would say. Returns without a promise for a user without roles. */
    isCurrent(
      { claims_at: at, scope = '' }: SaidClaims,
      user: Pick<ClaimedUser, 'roles' | 'claimsChangedAt'>,
    ): boolean | Promise<boolean> {
      const changedAt = user.claimsChangedAt && new Date(user.claimsChangedAt).getTime()
      if ((changedAt ?? undefined) !== at) return false
      if (user.roles.length === 0) return true
      const check = (map: RoleMap) => grantOf(user.roles, map).said.scope === scope
      const map = roles.list()
      return map instanceof Promise ? map.then(check) : check(map)
    },
  }
}

/** Keeps what each set of roles grants, until a role changes: many users have the same roles. */
function createGrants() {
  const grants = new Map<string, Grant>()
  let of: RoleMap | undefined
  return (roleNames: string[], map: RoleMap): Grant => {
    if (map !== of || grants.size >= MAX_GRANTS) grants.clear()
    of = map
    const key = roleNames.join('\0')
    const grant = grants.get(key) ?? toGrant(roleNames, map)
    grants.set(key, grant)
    return grant
  }
}

function toGrant(roleNames: string[], map: RoleMap): Grant {
  const permissions = permissionsOf(roleNames, map)
  return {
    permissions,
    said: { roles: roleNames, entitlements: permissions, scope: permissions.join(' ') },
    changedAtMs: Math.max(0, ...roleNames.map((name) => map.get(name)?.changedAtMs ?? 0)),
  }
}

const NOTHING: Said = {}
const NO_GRANT = toGrant([], new Map())

/** The session variables of Hasura among a user's claims go where Hasura reads them. */
function splitVariables(claims: Said, isForHasura: boolean): [Said, Said] {
  if (!isForHasura) return [claims, {}]
  const isVariable = ([name]: [string, unknown]) => name.toLowerCase().startsWith('x-hasura-')
  const entries = Object.entries(claims)
  return [
    Object.fromEntries(entries.filter((entry) => !isVariable(entry))),
    Object.fromEntries(entries.filter(isVariable)),
  ]
}

/** Without `admin`: in Hasura, this role may do everything, and the session may not have shown a second factor. */
function toHasuraVariables({ id, roles }: ClaimedUser) {
  const allowed = [...roles.filter((name) => name !== ADMIN_ROLE), DEFAULT_ROLE]
  return {
    'x-hasura-user-id': id,
    'x-hasura-default-role': allowed[0],
    'x-hasura-allowed-roles': [...new Set(allowed)],
  }
}

function resolve(source: ClaimSource, { id, roles, claims }: ClaimedUser, permissions: string[]) {
  if (typeof source === 'object') return source.value
  if (source === 'id') return id
  if (source === 'roles') return roles
  if (source === 'role') return roles[0] ?? DEFAULT_ROLE
  if (source === 'permissions') return permissions
  const name = source.slice('claims.'.length)
  return Object.hasOwn(claims, name) ? claims[name] : undefined
}
