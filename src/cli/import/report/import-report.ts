import type { ImportResult } from '../../../auth/import/foreign-account.ts'
import type { ChosenGrants } from '../chosen-grants.ts'
import type { ForeignUser } from '../sources/source.ts'
import { createDifferences } from './differences.ts'
import { createOutcomes, isImported, type PrintOptions } from './outcomes.ts'

/** Counts the outcomes of an import, and prints them for the operator. */
export function createImportReport(chosen: ChosenGrants) {
  const outcomes = createOutcomes()
  const differences = createDifferences(chosen)
  return {
    add(user: ForeignUser, result: ImportResult) {
      outcomes.add(user, result)
      if (isImported(result)) differences.add(user, result)
    },
    print(options: PrintOptions) {
      outcomes.print(options)
      differences.print(options)
      const list = options.map ? ` The list is in ${options.map}.` : ''
      console.log(`\nSessions are not imported: every user must sign in again.${list}`)
    },
  }
}
