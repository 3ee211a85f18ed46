import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { JSONParser } from '@streamparser/json'
import { CommandError } from '../../support/command-error.ts'
import type { Row } from '../sources/file-source.ts'

const CHUNK_BYTES = 256 * 1024
const MAX_LINE_CHARACTERS = 4 * 1024 * 1024

/**
 * Reads the objects of a JSON file, a part of the file at a time: of an array, of the array `list` of an object, or of
 * lines with an object each (NDJSON).
 */
export async function* readJson(
  path: string,
  onBytes: (count: number) => void,
  list = 'users',
): AsyncGenerator<Row[]> {
  const start = await readStart(path)
  const isArray = start.trimStart().startsWith('[')
  const records =
    !isArray && isLines(start) ? readLines(path, onBytes) : readTree(path, onBytes, isArray, list)
  for await (const rows of records) yield rows.filter(isObject)
}

/** An array can hold anything. */
const isObject = (row: unknown) => typeof row === 'object' && row !== null

async function readStart(path: string) {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, 0)
    return buffer.toString('utf8', 0, bytesRead).replace(/^\ufeff/, '')
  } finally {
    await file.close()
  }
}

/** Whether the first line is a whole object that is followed by another, or by nothing and has an address. */
function isLines(start: string) {
  const [first = '', second = ''] = start.split('\n', 2)
  try {
    const record = JSON.parse(first) as Row
    return second.trimStart().startsWith('{') || 'email' in record || '_id' in record
  } catch {
    return false
  }
}

async function* readLines(path: string, onBytes: (count: number) => void): AsyncGenerator<Row[]> {
  let rest = ''
  let line = 0
  const parse = (text: string) => {
    line++
    if (text.trim() === '') return []
    try {
      return [JSON.parse(text) as Row]
    } catch {
      throw new CommandError(`${path}, line ${line} is not JSON.`)
    }
  }
  const stream = createReadStream(path, { encoding: 'utf8', highWaterMark: CHUNK_BYTES })
  for await (const chunk of stream) {
    onBytes(Buffer.byteLength(chunk as string))
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE_CHARACTERS) {
      throw new CommandError(`${path}: a line has more than ${MAX_LINE_CHARACTERS} characters.`)
    }
    yield lines.flatMap(parse)
  }
  yield parse(rest)
}

async function* readTree(
  path: string,
  onBytes: (count: number) => void,
  isArray: boolean,
  list: string,
): AsyncGenerator<Row[]> {
  let rows: Row[] = []
  const parser = new JSONParser({ paths: [isArray ? '$.*' : `$.${list}.*`], keepStack: false })
  parser.onValue = ({ value }) => void rows.push(value as Row)
  let fault: Error | undefined
  parser.onError = (error) => {
    fault = error
  }
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    onBytes((chunk as Buffer).length)
    parser.write(chunk as Buffer)
    // The message of the parser would repeat a part of the file.
    if (fault) throw new CommandError(`${path} is not JSON.`)
    if (rows.length > 0) yield rows
    rows = []
  }
}
