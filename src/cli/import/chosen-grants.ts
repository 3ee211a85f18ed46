import { RoleName } from '../../contract/fields.ts'
import { isFreeClaimName } from '../../settings/claims.ts'
import { CommandError } from '../support/command-error.ts'
import type { ForeignUser } from './sources/source.ts'

/** Names there, and what each is called here. */
type Choice = ReadonlyMap<string, string>
export type ChosenGrants = { roles: Choice; claims: Choice }

/** Reads what the operator names, as `editors=editor,support`. */
export function readChosenGrants({ roles = '', claims = '' }: { roles?: string; claims?: string }) {
  return {
    roles: parseChoice('--roles', roles, (name) => RoleName.safeParse(name).success),
    claims: parseChoice('--claims', claims, isFreeClaimName),
  }
}

function parseChoice(option: string, text: string, isAllowed: (name: string) => boolean): Choice {
  const items = text.split(',').filter((item) => item.trim() !== '')
  return new Map(
    items.map((item) => {
      const [there = '', here = there] = item.split('=', 2).map((part) => part.trim())
      if (there !== '' && isAllowed(here)) return [there, here]
      throw new CommandError(
        `${option}: "${here}" cannot be a name here. Say what it is called, as ${there || 'there'}=here.`,
      )
    }),
  )
}

/** Gives an account the roles and claims that the operator has named, and no others: those there mean something else here. */
export function chooseGrants(user: ForeignUser, { roles, claims }: ChosenGrants): ForeignUser {
  if (roles.size === 0 && claims.size === 0) return user
  const chosenRoles = user.rolesThere.flatMap((name) => roles.get(name) ?? [])
  const chosenClaims = [...claims].flatMap(([there, here]) =>
    Object.hasOwn(user.claimsThere, there) ? [[here, user.claimsThere[there]] as const] : [],
  )
  return {
    ...user,
    roles: [...new Set([...user.roles, ...chosenRoles])],
    claims: { ...user.claims, ...Object.fromEntries(chosenClaims) },
  }
}
