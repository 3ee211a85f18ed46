import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/**
 * The file of breached passwords: a header, then a directory, then numbers of 32 bits, all little-endian. The first 16
 * bits of a SHA-1 choose a bucket; the directory says where the numbers of each bucket begin; a number is the next 32
 * bits. The numbers of a bucket ascend. So of n passwords, another password is taken for one with n / 2^48.
 */
const MAGIC = 'servauth breached passwords 1\n'
export const BUCKETS = 2 ** 16
const HEADER_BYTES = 64
const NUMBER_BYTES = 4
export const DIRECTORY_BYTES = (BUCKETS + 1) * NUMBER_BYTES
/** Where the numbers begin. */
export const DATA_OFFSET = HEADER_BYTES + DIRECTORY_BYTES
const COUNT_OFFSET = 40
const MIN_COUNT_OFFSET = 44

/** How likely a password that is not in a file of this many is taken for one that is. */
export const falsePositiveRate = (count: number) => count / 2 ** 48

export const bytesFor = (count: number) => DATA_OFFSET + count * NUMBER_BYTES

export function createHeader(count: number, minCount: number) {
  const header = Buffer.alloc(HEADER_BYTES)
  header.write(MAGIC)
  header.writeUInt32LE(count, COUNT_OFFSET)
  header.writeUInt32LE(minCount, MIN_COUNT_OFFSET)
  return header
}

/**
 * Opens a file of this form, and reads its directory. It is not mapped into memory: a file that another program cuts would
 * end the process.
 * @returns undefined if it is not a whole file of this form
 */
export function openList(path: string) {
  const file = openSync(path, 'r')
  const head = read(file, 0, DATA_OFFSET)
  const isList = head.length === DATA_OFFSET && head.toString('latin1', 0, MAGIC.length) === MAGIC
  const count = isList ? head.readUInt32LE(COUNT_OFFSET) : 0
  const startOf = (bucket: number) => head.readUInt32LE(HEADER_BYTES + bucket * NUMBER_BYTES)
  const isWhole = isList && fstatSync(file).size === bytesFor(count)
  if (!isWhole || startOf(0) !== 0 || startOf(BUCKETS) !== count) {
    closeSync(file)
    return undefined
  }

  return {
    /** @param digest a SHA-1 */
    has(digest: Buffer) {
      const bucket = digest.readUInt16BE(0)
      const wanted = digest.readUInt32BE(2)
      const [start, end] = [startOf(bucket), startOf(bucket + 1)]
      const numbers = read(file, DATA_OFFSET + start * NUMBER_BYTES, (end - start) * NUMBER_BYTES)
      let [low, high] = [0, Math.floor(numbers.length / NUMBER_BYTES)]
      while (low < high) {
        const middle = Math.floor((low + high) / 2)
        const found = numbers.readUInt32LE(middle * NUMBER_BYTES)
        if (found === wanted) return true
        if (found < wanted) low = middle + 1
        else high = middle
      }
      return false
    },
  }
}

/** Fewer bytes if the file ends before. */
function read(file: number, offset: number, bytes: number) {
  const buffer = Buffer.allocUnsafe(bytes)
  return buffer.subarray(0, readSync(file, buffer, 0, bytes, offset))
}
