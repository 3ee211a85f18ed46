import type { ImportOutcome, ImportResult } from '../../../auth/import/foreign-account.ts'
import type { ForeignUser } from '../sources/source.ts'
import { toLine } from './line.ts'

const MAX_EXAMPLES = 20

/** `map`: the file that lists all accounts. */
export type PrintOptions = { dryRun: boolean; map: string | undefined }

export const isImported = ({ outcome }: ImportResult) =>
  outcome === 'imported' || outcome === 'imported before'

/** Counts the outcomes of all accounts, and keeps examples of those that are not imported. */
export function createOutcomes() {
  const counts = new Map<ImportOutcome, number>()
  const examples = new Map<ImportOutcome, string[]>()
  const countOf = (outcome: ImportOutcome) => counts.get(outcome) ?? 0

  return {
    add({ email, id, social }: ForeignUser, result: ImportResult) {
      const { outcome } = result
      counts.set(outcome, countOf(outcome) + 1)
      const shown = examples.get(outcome) ?? []
      if (isImported(result) || shown.length >= MAX_EXAMPLES) return
      const providers = outcome === 'no password' && social ? `, signs in with ${social}` : ''
      examples.set(outcome, [...shown, toLine(`${email} (${id}${providers})`)])
    },

    print({ dryRun, map }: PrintOptions) {
      const imported = countOf('imported')
      console.log(dryRun ? `${imported} would be imported; nothing was changed.` : `${imported} imported.`)
      const before = countOf('imported before')
      if (before > 0) console.log(`${before} imported before and left unchanged.`)
      for (const [outcome, shown] of examples) {
        console.log(`\n${countOf(outcome)} not imported: ${outcome}.`)
        for (const example of shown) console.log(`  ${example}`)
        const more = countOf(outcome) - shown.length
        if (more > 0) console.log(`  and ${more} more${map ? '' : '; --map lists all of them'}`)
      }
    },
  }
}
