import { stat } from 'node:fs/promises'
import { CommandError } from './command-error.ts'

/** Refuses to write over a file that the same command reads, also by another name: it would be lost. */
export async function refuseInputAsOutput(output: string, inputs: (string | undefined)[]) {
  const written = await statOf(output)
  if (!written?.isFile()) return
  for (const input of inputs) {
    const read = input === undefined ? null : await statOf(input)
    if (read?.ino !== written.ino || read.dev !== written.dev) continue
    throw new CommandError(`${output} is read by this command. Name another file to write.`)
  }
}

const statOf = (path: string) => stat(path, { bigint: true }).catch(() => null)
