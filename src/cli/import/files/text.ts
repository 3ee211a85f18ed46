import { createReadStream } from 'node:fs'
import { CommandError } from '../../support/command-error.ts'

export const CHUNK_BYTES = 256 * 1024
/** A line or a record that is longer than this is none of an export. */
export const MAX_RECORD_CHARACTERS = 4 * 1024 * 1024

/** Reads a file as text, a part of it at a time. Drops a byte order mark. */
export async function* readText(path: string, onBytes: (count: number) => void): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const decode = (chunk?: Buffer) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined })
    } catch {
      throw new CommandError(`${path} is not UTF-8.`)
    }
  }
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    onBytes((chunk as Buffer).length)
    yield decode(chunk as Buffer)
  }
  yield decode()
}
