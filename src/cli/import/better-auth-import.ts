import { open } from 'node:fs/promises'
import { normalizeEmail } from '../../auth/operator/account-import.ts'
import { CommandError } from '../support/command-error.ts'
import { type Environment, withService } from '../support/with-service.ts'
import { openBetterAuth } from './better-auth-users.ts'
import { createImportReport, isImported } from './import-report.ts'

type Options = { dryRun?: boolean; map?: string }

const PROGRESS_MS = 2000

/** Imports the accounts of a Better-Auth database that have a password. Accounts that exist here stay unchanged. */
export async function importBetterAuth(
  environment: Environment,
  url: string,
  { dryRun = false, map }: Options,
) {
  const source = await openBetterAuth(url)
  try {
    await withService(environment, async ({ importAccounts }) => {
      const progress = startProgress(await source.count())
      const list = await createCsvList(map)
      const report = createImportReport()
      try {
        const isAmbiguous = await findAmbiguous(source.addresses())
        for await (const batch of source.users()) {
          const results = await importAccounts(batch, { dryRun, isAmbiguous })
          for (const [index, user] of batch.entries()) {
            const result = results[index]
            if (!result) throw new TypeError('An account has no result')
            report.add(user, result)
            const newId = isImported(result) ? result.id : ''
            await list.add([user.id, newId, user.email, result.outcome])
          }
          progress.add(batch.length)
        }
      } finally {
        progress.stop()
        await list.close()
      }
      report.print({ dryRun, map })
    })
  } finally {
    await source.close()
  }
}

/** Finds the addresses that belong to more than one account after they are normalised. */
async function findAmbiguous(addresses: AsyncIterable<string[]>) {
  const [seen, twice] = [new Set<string>(), new Set<string>()]
  for await (const batch of addresses) {
    for (const address of batch.map(normalizeEmail)) {
      if (address === null) continue
      if (seen.has(address)) twice.add(address)
      seen.add(address)
    }
  }
  return (email: string) => twice.has(email)
}

function startProgress(total: number) {
  let done = 0
  const timer = setInterval(() => console.log(`  … ${done} of ${total}`), PROGRESS_MS)
  return {
    add(count: number) {
      done += count
    },
    stop: () => clearInterval(timer),
  }
}

/** A leading `'` keeps a spreadsheet from running the field as a formula (OWASP, CSV Injection). */
function quoteCsvField(field: string) {
  return `"${field.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`
}

/** The outcome of each account as CSV (RFC 4180). Only the file's owner may read it, because it names people. */
async function createCsvList(path: string | undefined) {
  const file = path === undefined ? undefined : await open(path, 'w', 0o600).catch(throwCannotWrite(path))
  const formatLine = (fields: string[]) => `${fields.map(quoteCsvField).join(',')}\r\n`
  await file?.write(formatLine(['id there', 'id here', 'address', 'outcome']))
  return {
    add: async (fields: string[]) => void (await file?.write(formatLine(fields))),
    close: async () => void (await file?.close()),
  }
}

function throwCannotWrite(path: string) {
  return (error: unknown): never => {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandError(`The file ${path} cannot be written (${code}).`, { cause: error })
  }
}
