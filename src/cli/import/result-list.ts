import { open } from 'node:fs/promises'
import { CommandError } from '../support/command-error.ts'
import { getErrorCode } from '../support/error-code.ts'
import { refuseInputAsOutput } from '../support/output-file.ts'

/** A leading `'` keeps a spreadsheet from running the field as a formula (OWASP, CSV Injection). */
function quoteCsvField(field: string) {
  return `"${field.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`
}

/**
 * The outcome of each account as CSV (RFC 4180). Only the file's owner may read it, because it names people.
 * @param inputs the files that the import reads
 */
export async function createResultList(path: string | undefined, inputs: (string | undefined)[]) {
  if (path !== undefined) await refuseInputAsOutput(path, inputs)
  const file =
    path === undefined
      ? undefined
      : await open(path, 'w', 0o600).catch((error: unknown) => {
          throw new CommandError(`The file ${path} cannot be written (${getErrorCode(error)}).`, {
            cause: error,
          })
        })
  const formatLine = (fields: string[]) => `${fields.map(quoteCsvField).join(',')}\r\n`
  await file?.write(formatLine(['id there', 'id here', 'address', 'outcome']))
  return {
    add: async (lines: string[][]) => void (await file?.write(lines.map(formatLine).join(''))),
    close: async () => void (await file?.close()),
  }
}
