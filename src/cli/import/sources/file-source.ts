import { stat } from 'node:fs/promises'
import { CommandError } from '../../support/command-error.ts'
import { getErrorCode } from '../../support/error-code.ts'
import type { ForeignUser, Source } from './source.ts'

/** A record of an export: a line of CSV, or an object of JSON. */
export type Row = Record<string, unknown>

type Options = {
  system: string
  files: string[]
  read: (path: string, onBytes: (count: number) => void) => AsyncIterable<Row[]>
  /** @returns null for records that are no users; throws an error with the reason for a record that cannot be read */
  toUser: (row: Row) => ForeignUser | null
}

/** The users of files. A record that cannot be read ends the import before it begins, with the number of the record. */
export async function openFiles({ system, files, read, toUser }: Options): Promise<Source> {
  const totalBytes = await sumSizes(files)
  let readBytes = 0

  async function* users() {
    readBytes = 0
    for (const file of files) {
      let position = 0
      const records = read(file, (count) => {
        readBytes += count
      })
      for await (const rows of records) {
        yield rows.flatMap((row) => {
          position++
          return convert(row, `${file}, record ${position}`)
        })
      }
    }
  }

  function convert(row: Row, place: string) {
    try {
      return toUser(row) ?? []
    } catch (error) {
      throw error instanceof FieldError ? new CommandError(`${place}: ${error.message}`) : error
    }
  }

  return {
    system,
    takesPasswordless: true,
    keys: users,
    users,
    progress: () => (totalBytes === 0 ? 1 : readBytes / totalBytes),
    close: async () => {},
  }
}

/** A field of a record that cannot be read. The message says which and why, and never repeats the value. */
export class FieldError extends Error {
  override readonly name = 'FieldError'
}

async function sumSizes(files: string[]) {
  return (await Promise.all(files.map(sizeOf))).reduce((sum, size) => sum + size, 0)
}

async function sizeOf(file: string) {
  const info = await stat(file).catch((error: unknown) => {
    throw new CommandError(`The file ${file} cannot be read (${getErrorCode(error)}).`)
  })
  if (info.isDirectory()) throw new CommandError(`${file} is a folder. Name the files in it.`)
  if (!info.isFile()) {
    throw new CommandError(`${file} cannot be read twice, as an import does. Store the export in a file.`)
  }
  return info.size
}
