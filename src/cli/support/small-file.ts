import { createReadStream } from 'node:fs'
import { text } from 'node:stream/consumers'
import { CommandError } from './command-error.ts'

const MAX_CHARACTERS = 1024 * 1024

/** Reads a file of settings as text. A larger one is something else, such as the export itself, which fills the memory. */
export async function readSmallFile(path: string): Promise<string> {
  const content = await text(createReadStream(path, { encoding: 'utf8', end: MAX_CHARACTERS }))
  if (content.length <= MAX_CHARACTERS) return content
  throw new CommandError(`${path} has more than ${MAX_CHARACTERS} characters.`)
}
