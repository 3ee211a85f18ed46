import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  BUCKETS,
  bytesFor,
  createHeader,
  DATA_OFFSET,
  DIRECTORY_BYTES,
  falsePositiveRate,
} from '../../auth/passwords/breached/list-file.ts'
import { CommandError } from '../support/command-error.ts'
import { refuseInputAsOutput } from '../support/output-file.ts'
import { startProgress } from '../support/progress.ts'
import { readHashes } from './dump.ts'

const BUFFERED_NUMBERS = 256 * 1024

/**
 * Makes the file of breached passwords from a dump of SHA-1 hashes with counts. Needs little memory: the dump is sorted,
 * and so is the file. A server that has opened the former file keeps it until it restarts.
 */
export async function buildBreachedPasswords(
  dump: string,
  { minCount, output }: { minCount: number; output: string },
) {
  const draft = `${output}.part`
  for (const path of [output, draft]) await refuseInputAsOutput(path, [dump])
  const file = await open(draft, 'w', 0o644).catch((cause: unknown) => {
    throw new CommandError(`The file ${draft} cannot be written.`, { cause })
  })
  const progress = startProgress()
  const directory = Buffer.alloc(DIRECTORY_BYTES)
  let [numbers, buffered, count, bucket] = [Buffer.alloc(BUFFERED_NUMBERS * 4), 0, 0, -1]

  async function flush() {
    if (buffered > 0) await file.write(numbers, 0, buffered * 4, DATA_OFFSET + (count - buffered) * 4)
    numbers = Buffer.alloc(BUFFERED_NUMBERS * 4)
    buffered = 0
  }

  /** All buckets up to this one begin here, unless they have begun before. */
  function begin(next: number) {
    while (bucket < next) directory.writeUInt32LE(count, ++bucket * 4)
  }

  try {
    const stream = dump === '-' ? process.stdin : createReadStream(dump, { highWaterMark: 1024 * 1024 })
    for await (const hashes of readHashes(stream, minCount)) {
      for (let index = 0; index < hashes.length; index += 2) {
        begin(hashes[index] as number)
        numbers.writeUInt32LE(hashes[index + 1] as number, buffered++ * 4)
        count++
        if (buffered === BUFFERED_NUMBERS) await flush()
      }
      progress.set('passwords:', count, 0, 0)
    }
    await flush()
    begin(BUCKETS)
    await file.write(Buffer.concat([createHeader(count, minCount), directory]), 0, DATA_OFFSET, 0)
    await file.sync()
    await file.close()
    await rename(draft, output)
  } catch (error) {
    await file.close().catch(() => {})
    await rm(draft, { force: true })
    throw error
  } finally {
    progress.stop()
  }
  console.log(
    `${count.toLocaleString('en-US')} passwords in ${output}, ${bytesFor(count).toLocaleString('en-US')} bytes. Another password` +
      ` is taken for one of them with a probability of ${falsePositiveRate(count).toExponential(1)}.\n` +
      `Set BREACHED_PASSWORDS=${resolve(output)}, and restart the server.`,
  )
}
