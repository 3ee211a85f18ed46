import type { ImportResult } from '../../auth/import/foreign-account.ts'
import { CommandError } from '../support/command-error.ts'
import { COST_ADVICE, describeCost, MIN_NOTED_SECONDS } from '../support/hash-costs.ts'
import { startProgress } from '../support/progress.ts'
import type { Environment } from '../support/with-core.ts'
import { withCore } from '../support/with-core.ts'
import { chooseGrants, readChosenGrants } from './chosen-grants.ts'
import { findDuplicates } from './duplicates.ts'
import { createImportReport, isImported } from './import-report.ts'
import { runInParts } from './parts.ts'
import { createResultList } from './result-list.ts'
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

const BATCH_SIZE = 2000
/** Usual accounts have a few hundred bytes, so that this many are rare. */
const MAX_BATCH_CHARACTERS = 4 * 1024 * 1024
/** While PostgreSQL writes two batches, the next is read. */
const MAX_BATCHES_AT_ONCE = 3

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
  const { dryRun = false, map, verified = false, withoutHashes = false, wrap = false, passwordless } = options
  const chosen = readChosenGrants(options)
  const source = await openSource()
  try {
    await withCore(environment, async ({ importAccounts, measureFailedSignIn, findMissingRoles }) => {
      const progress = startProgress()
      const list = await createResultList(map, inputs)
      const report = createImportReport(chosen)
      try {
        const { count, isAmbiguous, roleNames } = await findDuplicates(source, (done) =>
          progress.set('reading', done, 0, 0),
        )
        requireRoles(await findMissingRoles([...new Set([...roleNames, ...chosen.roles.values()])]))
        const takesPasswordless = passwordless ? passwordless === 'import' : source.takesPasswordless
        const importOptions = {
          ...{ system: source.system, dryRun, isAmbiguous, takesPasswordless, withoutHashes, wrap },
          passkeyDomain: options.passkeys?.toLowerCase() ?? null,
        }
        let done = 0

        async function note(batch: ForeignUser[], results: ImportResult[]) {
          const lines = batch.map((user, index) => {
            const result = results[index]
            if (!result) throw new TypeError('An account has no result')
            report.add(user, result)
            return [user.id, isImported(result) ? result.id : '', user.email, result.outcome]
          })
          await list.add(lines)
          done += batch.length
          progress.set(dryRun ? 'checking' : 'importing', done, count, source.progress())
        }

        const pending: { batch: ForeignUser[]; results: Promise<ImportResult[]> }[] = []
        for await (const read of inBatches(source.users())) {
          const granted = read.map((user) => chooseGrants(user, chosen))
          const batch = verified ? granted.map((user) => ({ ...user, emailVerified: true })) : granted
          const results = runInParts(batch, (part) => importAccounts(part, importOptions))
          // A batch that fails while an earlier one is awaited must not end the process as an unhandled rejection.
          results.catch(() => {})
          pending.push({ batch, results })
          const oldest = pending.length >= MAX_BATCHES_AT_ONCE ? pending.shift() : undefined
          if (oldest) await note(oldest.batch, await oldest.results)
        }
        for (const { batch, results } of pending) await note(batch, await results)
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

/**
 * A source may read a few users at a time, and PostgreSQL takes many at the price of a few. A batch is full when it has
 * enough users or characters, so that what waits for PostgreSQL is bounded even if users are large.
 */
export async function* inBatches(users: AsyncIterable<ForeignUser[]>): AsyncGenerator<ForeignUser[]> {
  let batch: ForeignUser[] = []
  let characters = 0
  for await (const read of users) {
    for (const user of read) {
      batch.push(user)
      characters += JSON.stringify(user).length
      if (batch.length < BATCH_SIZE && characters < MAX_BATCH_CHARACTERS) continue
      yield batch
      batch = []
      characters = 0
    }
  }
  if (batch.length > 0) yield batch
}
