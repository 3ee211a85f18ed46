import type { ImportOptions } from '../../auth/import/foreign-account.ts'
import { CommandError } from '../support/command-error.ts'
import { COST_ADVICE, describeCost, MIN_NOTED_SECONDS } from '../support/hash-costs.ts'
import { startProgress } from '../support/progress.ts'
import type { Environment } from '../support/with-core.ts'
import { withCore } from '../support/with-core.ts'
import { importBatches, inBatches } from './batches.ts'
import { type ChosenGrants, chooseGrants, readChosenGrants } from './chosen-grants.ts'
import { findDuplicates } from './duplicates.ts'
import { runInParts } from './parts.ts'
import { createImportReport } from './report/import-report.ts'
import { createResultList } from './report/result-list.ts'
import type { ForeignUser, Source } from './sources/source.ts'

export type ImportCommandOptions = {
  dryRun?: boolean
  map?: string
  verified?: boolean
  withoutHashes?: boolean
  wrap?: boolean
  passwordless?: 'import' | 'skip'
  roles?: string
  claims?: string
  passkeys?: string
}

/**
 * Imports the accounts of a source. Accounts that exist here stay unchanged, so an import may be repeated and resumed.
 * @param inputs the files that the source reads
 */
export async function importAccountsOf(
  environment: Environment,
  inputs: (string | undefined)[],
  openSource: () => Promise<Source>,
  options: ImportCommandOptions,
) {
  const { dryRun = false, map, verified = false } = options
  const chosen = readChosenGrants(options)
  const source = await openSource()
  try {
    await withCore(environment, async ({ importAccounts, measureFailedSignIn, findMissingRoles }) => {
      const list = await createResultList(map, inputs)
      const report = createImportReport(chosen)
      const progress = startProgress()
      try {
        const { count, isAmbiguous, roleNames } = await findDuplicates(source, (done) =>
          progress.set('reading', done, 0, 0),
        )
        requireRoles(await findMissingRoles([...new Set([...roleNames, ...chosen.roles.values()])]))
        const importOptions = toImportOptions(source, isAmbiguous, options)
        const importBatch = (batch: ForeignUser[]) =>
          runInParts(
            batch.map((user) => applyChoices(user, chosen, verified)),
            (part) => importAccounts(part, importOptions),
          )
        let done = 0
        for await (const imported of importBatches(inBatches(source.users()), importBatch)) {
          for (const { user, result } of imported) report.add(user, result)
          await list.add(imported)
          done += imported.length
          progress.set(dryRun ? 'checking' : 'importing', done, count, source.progress())
        }
      } finally {
        progress.stop()
        await list.close()
      }
      report.print({ dryRun, map })
      warnOfCost(await measureFailedSignIn())
    })
  } finally {
    await source.close()
  }
}

function toImportOptions(
  { system, takesPasswordless }: Source,
  isAmbiguous: ImportOptions['isAmbiguous'],
  { dryRun = false, withoutHashes = false, wrap = false, passwordless, passkeys }: ImportCommandOptions,
): ImportOptions {
  return {
    ...{ system, dryRun, isAmbiguous, withoutHashes, wrap },
    takesPasswordless: passwordless ? passwordless === 'import' : takesPasswordless,
    passkeyDomain: passkeys?.toLowerCase() ?? null,
  }
}

/** What the operator has chosen for all accounts. */
function applyChoices(user: ForeignUser, chosen: ChosenGrants, verified: boolean) {
  const granted = chooseGrants(user, chosen)
  return verified ? { ...granted, emailVerified: true } : granted
}

/** Any client can send wrong passwords, so the operator should know. */
function warnOfCost(seconds: number) {
  if (seconds < MIN_NOTED_SECONDS) return
  console.log(`\n${describeCost(seconds)} ${COST_ADVICE}`)
}

function requireRoles(missing: string[]) {
  if (missing.length === 0) return
  throw new CommandError(
    `These roles do not exist here: ${missing.join(', ')}. Create them first: servauth role put.`,
  )
}
