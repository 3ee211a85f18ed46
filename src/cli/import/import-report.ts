import type { ImportOutcome, ImportResult, PasskeyFault } from '../../auth/import/foreign-account.ts'
import type { ChosenGrants } from './chosen-grants.ts'
import type { ForeignUser } from './sources/source.ts'

const MAX_EXAMPLES = 20
const MAX_EXAMPLE_CHARACTERS = 300

export const isImported = ({ outcome }: ImportResult) =>
  outcome === 'imported' || outcome === 'imported before'

/** Counts the outcomes of an import, and prints them for the operator. */
export function createImportReport(chosen: ChosenGrants) {
  const counts = new Map<ImportOutcome, number>()
  const examples = new Map<ImportOutcome, string[]>()
  const losses = { newId: 0, banned: 0, totp: 0, passwordless: 0, secondFactor: 0, social: 0, username: 0 }
  const passkeys = { taken: 0, needPassword: 0, left: new Map<PasskeyFault, number>() }
  const left = { roles: createNameCount(), claims: createNameCount() }

  function addLosses(user: ForeignUser, result: ImportResult) {
    const { id, usernameLost, isPasswordless, outcome } = result
    losses.newId += Number(id !== user.id.toLowerCase())
    if (outcome !== 'imported') return
    losses.banned += Number(user.banned)
    losses.totp += Number(user.totpKeys.length > 0)
    losses.passwordless += Number(isPasswordless)
    losses.secondFactor += Number(user.secondFactor)
    losses.social += Number(user.social !== null)
    losses.username += Number(usernameLost)
    passkeys.taken += Number(result.passkeys.taken > 0)
    passkeys.needPassword += Number(result.passkeys.needPassword > 0)
    for (const fault of result.passkeys.left) passkeys.left.set(fault, (passkeys.left.get(fault) ?? 0) + 1)
    for (const name of user.rolesThere) if (!chosen.roles.has(name)) left.roles.add(name, user.id)
    for (const name of Object.keys(user.claimsThere))
      if (!chosen.claims.has(name)) left.claims.add(name, user.id)
  }

  return {
    add(user: ForeignUser, result: ImportResult) {
      const { outcome } = result
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
      if (isImported(result)) return addLosses(user, result)
      const shown = examples.get(outcome) ?? []
      const providers = outcome === 'no password' && user.social ? `, signs in with ${user.social}` : ''
      if (shown.length < MAX_EXAMPLES) {
        examples.set(outcome, [...shown, toLine(`${user.email} (${user.id}${providers})`)])
      }
    },

    print({ dryRun, map }: { dryRun: boolean; map: string | undefined }) {
      const imported = counts.get('imported') ?? 0
      console.log(dryRun ? `${imported} would be imported; nothing was changed.` : `${imported} imported.`)
      const before = counts.get('imported before')
      if (before) console.log(`${before} imported before and left unchanged.`)
      for (const [outcome, shown] of examples) {
        const count = counts.get(outcome) ?? 0
        console.log(`\n${count} not imported: ${outcome}.`)
        for (const example of shown) console.log(`  ${example}`)
        if (count > shown.length)
          console.log(`  and ${count - shown.length} more${map ? '' : '; --map lists all of them'}`)
      }
      const lines = [
        [
          losses.newId,
          `with a new id, because the old one is not a UUID${map ? '' : '; --map lists both ids'}`,
        ],
        [losses.banned, 'banned there, and disabled here'],
        [losses.passwordless, 'without a password: these users set one with "forgot password"'],
        [losses.totp, 'with an authenticator app, which is needed here too'],
        [passkeys.taken, 'with passkeys, which sign in here too, and are a second factor'],
        [
          passkeys.needPassword,
          'of them with a passkey that needs the password beside it once: the system there has not verified its user',
        ],
        [
          losses.secondFactor,
          `with a second factor there that is not imported${losses.totp + passkeys.taken > 0 ? '' : ': the password is enough here'}`,
        ],
        [losses.social, 'with a social sign-in beside the password; the social sign-in is not imported'],
        [losses.username, 'without their name, because it is too long or contains control characters'],
        [left.roles.users(), `with roles there that --roles does not name: ${left.roles.names()}`],
        [left.claims.users(), `with claims there that --claims does not name: ${left.claims.names()}`],
      ] as const
      if (lines.some(([count]) => count > 0)) console.log('')
      for (const [count, text] of lines) if (count > 0) console.log(`${count} ${text}.`)
      for (const [fault, count] of passkeys.left) console.log(`${count} passkeys not imported: ${fault}.`)
      console.log(
        `\nSessions are not imported: every user must sign in again.${map ? ` The list is in ${map}.` : ''}`,
      )
    },
  }
}

/**
 * Text from another system could contain escape sequences, which a terminal would obey, or be very long. By way of a
 * buffer, because a part of a string keeps the whole one in memory.
 */
const toLine = (text: string) =>
  Buffer.from(text.slice(0, MAX_EXAMPLE_CHARACTERS))
    .toString()
    .replace(/[\p{Cc}\p{Cf}]/gu, '?')

/** Counts users with names that are left out, and keeps the first of these names. */
function createNameCount() {
  const names = new Set<string>()
  let [users, latest] = [0, '']
  return {
    add(name: string, userId: string) {
      if (userId !== latest) users++
      latest = userId
      if (names.size < MAX_EXAMPLES && !names.has(name)) names.add(toLine(name))
    },
    users: () => users,
    names: () => toLine([...names].join(', ')),
  }
}
