import { MAX_AUTHENTICATORS } from '../../../auth/factors/enrollment.ts'
import type { ImportResult, PasskeyFault } from '../../../auth/import/foreign-account.ts'
import type { ChosenGrants } from '../chosen-grants.ts'
import type { ForeignUser } from '../sources/source.ts'
import { toLine } from './line.ts'
import type { PrintOptions } from './outcomes.ts'

const MAX_NAMES = 20

/** Counts what is different here for the users of imported accounts. */
export function createDifferences(chosen: ChosenGrants) {
  const counts = { newId: 0, banned: 0, totp: 0, passwordless: 0, secondFactor: 0, social: 0, username: 0 }
  const passkeys = { taken: 0, needPassword: 0, left: new Map<PasskeyFault, number>() }
  const [roles, claims] = [createNameCount(), createNameCount()]

  function add(user: ForeignUser, { id, outcome, usernameLost, isPasswordless, ...result }: ImportResult) {
    counts.newId += Number(id !== user.id.toLowerCase())
    if (outcome !== 'imported') return
    counts.banned += Number(user.banned)
    counts.totp += Number(user.totpKeys.length > 0)
    counts.passwordless += Number(isPasswordless)
    counts.secondFactor += Number(user.secondFactor || user.totpKeys.length > MAX_AUTHENTICATORS)
    counts.social += Number(user.social !== null)
    counts.username += Number(usernameLost)
    passkeys.taken += Number(result.passkeys.taken > 0)
    passkeys.needPassword += Number(result.passkeys.needPassword > 0)
    for (const fault of result.passkeys.left) passkeys.left.set(fault, (passkeys.left.get(fault) ?? 0) + 1)
    roles.add(user.rolesThere.filter((name) => !chosen.roles.has(name)))
    claims.add(Object.keys(user.claimsThere).filter((name) => !chosen.claims.has(name)))
  }

  function toLines(map: string | undefined): [number, string][] {
    const ids = map ? '' : '; --map lists both ids'
    const isPasswordEnough = counts.totp + passkeys.taken === 0 ? ': the password is enough here' : ''
    return [
      [counts.newId, `with a new id, because the old one is not a UUID${ids}`],
      [counts.banned, 'banned there, and disabled here'],
      [counts.passwordless, 'without a password: these users set one with "forgot password"'],
      [counts.totp, 'with an authenticator app, which is needed here too'],
      [passkeys.taken, 'with passkeys, which sign in here too, and are a second factor'],
      [
        passkeys.needPassword,
        'of them with a passkey that needs the password beside it once: the system there has not verified its user',
      ],
      [counts.secondFactor, `with a second factor there that is not imported${isPasswordEnough}`],
      [counts.social, 'with a sign-in there by another provider, which is not imported'],
      [counts.username, 'without their name, because it is too long or contains control characters'],
      [roles.users(), `with roles there that --roles does not name: ${roles.names()}`],
      [claims.users(), `with claims there that --claims does not name: ${claims.names()}`],
    ]
  }

  return {
    add,
    print({ map }: PrintOptions) {
      const lines = toLines(map).filter(([count]) => count > 0)
      if (lines.length > 0) console.log('')
      for (const [count, text] of lines) console.log(`${count} ${text}.`)
      for (const [fault, count] of passkeys.left) console.log(`${count} passkeys not imported: ${fault}.`)
    },
  }
}

/** Counts users with names that are left out, and keeps the first of these names. */
function createNameCount() {
  const names = new Set<string>()
  let users = 0
  return {
    add(ofUser: string[]) {
      if (ofUser.length > 0) users++
      for (const name of ofUser) {
        if (names.size < MAX_NAMES && !names.has(name)) names.add(toLine(name))
      }
    },
    users: () => users,
    names: () => toLine([...names].join(', ')),
  }
}
