import { CommandError } from '../support/command-error.ts'

const HASH_CHARACTERS = 40
const [COLON, NEWLINE, RETURN, ZERO] = [0x3a, 0x0a, 0x0d, 0x30]

const HEX = new Int8Array(256).fill(-1)
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  HEX[digit.charCodeAt(0)] = value
  HEX[digit.toUpperCase().charCodeAt(0)] = value
}

/**
 * Reads lines as `SHA-1:count`, sorted by hash, as the Pwned Passwords downloader writes them. Yields pairs of the first
 * 16 bits and the next 32 of each hash whose count is large enough.
 */
export async function* readHashes(
  stream: AsyncIterable<Buffer | string>,
  minCount: number,
): AsyncGenerator<number[]> {
  let rest: Buffer = Buffer.alloc(0)
  let line = 0
  let last = -1

  function readLines(bytes: Buffer) {
    const found: number[] = []
    let start = 0
    for (let end = bytes.indexOf(NEWLINE, start); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      line++
      if (end > start && bytes[start] !== RETURN) read(bytes, start, end, found)
      start = end + 1
    }
    rest = bytes.subarray(start)
    return found
  }

  function read(bytes: Buffer, start: number, end: number, found: number[]) {
    const [bucket, number] = [readHex(bytes, start, 4), readHex(bytes, start + 4, 8)]
    const colon = start + HASH_CHARACTERS
    if (bucket < 0 || number < 0 || readHex(bytes, start + 12, 14) < 0 || bytes[colon] !== COLON) {
      throw new CommandError(`Line ${line} is not a SHA-1 in 40 hexadecimal digits, a colon and a count.`)
    }
    const position = bucket * 2 ** 32 + number
    if (position < last) {
      throw new CommandError(`Line ${line} is not in order: sort the dump by hash, for example with "sort".`)
    }
    last = position
    if (readCount(bytes, colon + 1, end) >= minCount) found.push(bucket, number)
  }

  for await (const chunk of stream) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer)
    yield readLines(bytes)
    if (rest.length > 1024) throw new CommandError(`Line ${line + 1} is too long.`)
  }
  if (rest.length > 0) yield readLines(Buffer.concat([rest, Buffer.from('\n')]))
  if (line === 0) throw new CommandError('The dump is empty.')
}

/** Negative if a digit is none. */
function readHex(bytes: Buffer, start: number, digits: number) {
  let value = 0
  for (let index = start; index < start + digits; index++) {
    const digit = HEX[bytes[index] ?? 0] ?? -1
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}

/** Other characters than digits end the count, such as those of a line that ends with CR LF. */
function readCount(bytes: Buffer, start: number, end: number) {
  let value = 0
  for (let index = start; index < end; index++) {
    const digit = (bytes[index] ?? 0) - ZERO
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  return value
}
