import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { CommandError } from '../../support/command-error.ts'
import { createNumberList, createTextHash } from '../number-list.ts'
import type { Row } from '../sources/file-source.ts'
import { CHUNK_BYTES } from './text.ts'

export type LineIndex = Awaited<ReturnType<typeof indexLines>>

/** A key is the beginning of the hash of an id, and the number of its line. */
const LINE_BITS = 26n
const LINE_MASK = (1n << LINE_BITS) - 1n
const NEWLINE = 10
/** The line of a user has a few hundred. Those of all users in a part of the export are read at once. */
const MAX_HASH_LINE_BYTES = 16 * 1024

/**
 * Finds the objects of a file of lines (NDJSON) by their ids. It keeps 16 bytes of each line in memory, and not the
 * lines, so that there may be millions of them.
 */
export async function indexLines(path: string, idOf: (row: Row) => string | null) {
  const hashOf = createTextHash()
  const [keys, ends] = [createNumberList(), createNumberList()]
  let line = 0n
  let end = 0
  for await (const bytes of readByteLines(path)) {
    end += bytes.length + 1
    ends.add(BigInt(end))
    const id = idOf(parse(bytes, path, line))
    if (id !== null) keys.add((hashOf(id) & ~LINE_MASK) | line)
    if (line++ === LINE_MASK) throw new CommandError(`${path} has too many lines.`)
  }
  const sorted = keys.all().sort()
  const file = await open(path)

  return {
    /** The object with this id. */
    async find(id: string): Promise<Row | undefined> {
      const prefix = hashOf(id) & ~LINE_MASK
      for (let index = firstFrom(sorted, prefix); index < sorted.length; index++) {
        const key = sorted[index] as bigint
        if ((key & ~LINE_MASK) !== prefix) return undefined
        const number = key & LINE_MASK
        const row = parse(await readLine(file, ends.all(), Number(number)), path, number)
        if (idOf(row) === id) return row
      }
      return undefined
    },
    close: () => file.close(),
  }
}

function throwTooLong(path: string, line: number): never {
  throw new CommandError(`${path}, line ${line} has more than ${MAX_HASH_LINE_BYTES} bytes.`)
}

async function* readByteLines(path: string): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  let line = 0
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    rest = Buffer.concat([rest, chunk as Buffer])
    let start = 0
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE, start)) {
      line++
      if (end - start > MAX_HASH_LINE_BYTES) throwTooLong(path, line)
      yield rest.subarray(start, end)
      start = end + 1
    }
    rest = rest.subarray(start)
    if (rest.length > MAX_HASH_LINE_BYTES) throwTooLong(path, line + 1)
  }
  if (rest.length > 0) yield rest
}

async function readLine(file: FileHandle, ends: BigUint64Array, line: number) {
  const start = line === 0 ? 0 : Number(ends[line - 1])
  const length = Number(ends[line]) - 1 - start
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, start)
  return buffer
}

function parse(bytes: Buffer, path: string, line: bigint): Row {
  const text = bytes.toString('utf8').replace(/^\ufeff/, '')
  try {
    return text.trim() === '' ? {} : (JSON.parse(text) as Row)
  } catch {
    throw new CommandError(`${path}, line ${line + 1n} is not JSON.`)
  }
}

/** The index of the first number that is not smaller. */
function firstFrom(sorted: BigUint64Array, number: bigint) {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as bigint) < number) low = middle + 1
    else high = middle
  }
  return low
}
