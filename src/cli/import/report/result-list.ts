import { open } from 'node:fs/promises'
import { CommandError } from '../../support/command-error.ts'
import { getErrorCode } from '../../support/error-code.ts'
import { refuseInputAsOutput } from '../../support/output-file.ts'
import type { Imported } from '../batches.ts'
import { isImported } from './outcomes.ts'

/** A leading `'` keeps a spreadsheet from running the field as a formula (OWASP, CSV Injection). */
function quoteCsvField(field: string) {
  return `"${field.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`
}

/** A mode that is given to `open` has no effect on a file that was there before. */
async function openForOwner(path: string) {
  try {
    const file = await open(path, 'w', 0o600)
    const isDevice = !(await file.stat()).isFile()
    if (!isDevice) await file.chmod(0o600)
    return file
  } catch (cause) {
    throw new CommandError(`The file ${path} cannot be written (${getErrorCode(cause)}).`, { cause })
  }
}

/**
 * The outcome of each account as CSV (RFC 4180). Only the file's owner may read it, because it names people.
 * @param inputs the files that the import reads
 */
export async function createResultList(path: string | undefined, inputs: (string | undefined)[]) {
  if (path !== undefined) await refuseInputAsOutput(path, inputs)
  const file = path === undefined ? undefined : await openForOwner(path)
  const formatLine = (fields: string[]) => `${fields.map(quoteCsvField).join(',')}\r\n`
  await file?.write(formatLine(['id there', 'id here', 'address', 'outcome']))
  return {
    async add(imported: Imported[]) {
      const lines = imported.map(({ user, result }) =>
        formatLine([user.id, isImported(result) ? result.id : '', user.email, result.outcome]),
      )
      await file?.write(lines.join(''))
    },
    close: async () => void (await file?.close()),
  }
}
