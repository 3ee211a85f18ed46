import { textAt, textsAt } from './fields.ts'

/**
 * Roles and claims from an object of claims, as Firebase, Supabase and Auth0 have one. Its `role` and `roles` are roles,
 * and so is the name of each claim that is true, such as `admin`.
 */
export function toGrants(claims: Record<string, unknown>) {
  const named = [textAt(claims, 'role') ?? [], textsAt(claims, 'roles')].flat()
  const flags = Object.keys(claims).filter((name) => claims[name] === true)
  return { rolesThere: [...new Set([...named, ...flags])], claimsThere: claims }
}
