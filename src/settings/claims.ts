import { z } from 'zod'
import { kind, listOf, refuse } from './kinds/kind.ts'
import { readText } from './kinds/path.ts'

/** Claims that this server sets itself, or that would change what a token means (RFC 7519, 7662, 7800, 8693, 9068, 9396). */
const RESERVED_CLAIMS = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'sid', 'client_id', 'auth_time', 'amr', 'acr', 'azp'],
  ...['roles', 'groups', 'entitlements', 'scope', 'claims_at', 'active', 'token_type', 'username'],
  ...['cnf', 'act', 'may_act', 'authorization_details', 'role', 'https://hasura.io/jwt/claims'],
])
const CLAIM_NAME = /^[A-Za-z][\w.:/-]{0,127}$/
/** Session variables of Hasura that follow from the roles. */
const RESERVED_VARIABLES = /^x-hasura-(?:user-id|role|default-role|allowed-roles)$/i

/** Whether a claim may have this name: none that this server or a standard gives a meaning. */
export const isFreeClaimName = (name: string) =>
  CLAIM_NAME.test(name) && !RESERVED_CLAIMS.has(name) && !RESERVED_VARIABLES.test(name)

/** What a claim of the file can be taken from; `claims.NAME` is one of the user's own. */
const Source = z.union([
  z.enum(['id', 'roles', 'role', 'permissions']),
  z.string().regex(/^claims\.[A-Za-z][\w.:/-]{0,127}$/),
  z.strictObject({ value: z.json() }),
])
const Mapping = z.record(z.string(), Source)
export type ClaimSource = z.output<typeof Source>

const PRESETS = ['hasura', 'postgrest'] as const

/** What access tokens say besides roles and permissions. */
export const claimSettings = {
  CLAIMS: listOf(
    (text) => PRESETS.find((preset) => preset === text) ?? refuse('must be hasura or postgrest'),
  ).default([]),
  CLAIMS_FILE: kind(readMapping).optional(),
}

function readMapping(path: string) {
  const given = readJson(path)
  // Zod would leave such a field out without an error.
  if (JSON.stringify(given).includes('"__proto__":')) refuse('has a field __proto__, which would be lost')
  const { success, data } = Mapping.safeParse(given)
  if (!success)
    refuse(
      'must be a file with a JSON object: each claim with id, roles, role, permissions, claims.NAME or {"value": …}',
    )
  const reserved = Object.keys(data).find((name) => !isFreeClaimName(name))
  if (reserved !== undefined) refuse('maps a claim that is reserved or whose name has other characters')
  return data
}

function readJson(path: string): unknown {
  const text = readText(path)
  try {
    return JSON.parse(text)
  } catch {
    return refuse('must be the path of a file with JSON')
  }
}
