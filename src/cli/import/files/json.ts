import { open } from 'node:fs/promises'
import { JSONParser, TokenType } from '@streamparser/json'
import { CommandError } from '../../support/command-error.ts'
import type { Row } from '../sources/file-source.ts'
import { MAX_RECORD_CHARACTERS, readText } from './text.ts'

/** A realm of Keycloak has other parts before its users. */
const MAX_CHARACTERS_WITHOUT_RECORD = 16 * 1024 * 1024
const MAX_LEVELS = 100
/** The parser collects texts in a buffer, and not character by character. */
const STRING_BUFFER_BYTES = 64 * 1024

type Options = {
  /** The field of an object that has the list. */
  list?: string
  /** Gets fields of the object beside the list. A file with one of them needs no list. */
  fields?: { names: string[]; take: (name: string, value: unknown) => void }
}

/**
 * Reads the objects of a JSON file, a part of the file at a time: of an array, of the array `list` of an object, or of
 * lines with an object each (NDJSON).
 */
export async function* readJson(
  path: string,
  onBytes: (count: number) => void,
  options: Options = {},
): AsyncGenerator<Row[]> {
  const start = await readStart(path)
  const isArray = start.trimStart().startsWith('[')
  const records =
    !isArray && isLines(start) ? readLines(path, onBytes) : readTree(path, onBytes, isArray, options)
  let count = 0
  for await (const rows of records) {
    for (const row of rows) {
      count++
      if (!isObject(row)) throw new CommandError(`${path}, record ${count} is not an object.`)
    }
    yield rows
  }
}

const isObject = (row: unknown) => typeof row === 'object' && row !== null && !Array.isArray(row)

/** As much as a record may have, so that the first line is whole. */
async function readStart(path: string) {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(MAX_RECORD_CHARACTERS),
      0,
      MAX_RECORD_CHARACTERS,
      0,
    )
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

export async function* readLines(path: string, onBytes: (count: number) => void): AsyncGenerator<Row[]> {
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
  for await (const text of readText(path, onBytes)) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_RECORD_CHARACTERS) {
      throw new CommandError(
        `${path}, line ${line + lines.length + 1} has more than ${MAX_RECORD_CHARACTERS} characters.`,
      )
    }
    yield lines.flatMap(parse)
  }
  yield parse(rest)
}

async function* readTree(
  path: string,
  onBytes: (count: number) => void,
  isArray: boolean,
  { list = 'users', fields }: Options,
): AsyncGenerator<Row[]> {
  let rows: Row[] = []
  let [count, sinceRecord, isEmpty] = [0, 0, true]
  const guard = createRecordGuard(path, isArray ? null : list)
  const parser = new JSONParser({
    paths: [isArray ? '$.*' : `$.${list}.*`, ...(fields?.names.map((name) => `$.${name}`) ?? [])],
    keepStack: false,
    stringBufferSize: STRING_BUFFER_BYTES,
  })
  parser.onToken = (token) => guard(token, count + rows.length + 1)
  parser.onValue = ({ value, key, stack }) => {
    const name = stack.length === 1 && typeof key === 'string' ? key : null
    if (name === null || isArray) rows.push(value as Row)
    else {
      isEmpty = false
      fields?.take(name, value)
    }
  }
  let fault: Error | undefined
  parser.onError = (error) => {
    fault = error
  }
  const check = () => {
    if (fault instanceof CommandError) throw fault
    // The message of the parser would repeat a part of the file.
    if (fault) throw new CommandError(`${path} is not JSON.`)
  }
  for await (const text of readText(path, onBytes)) {
    parser.write(text)
    check()
    sinceRecord = rows.length > 0 ? 0 : sinceRecord + text.length
    if (sinceRecord > MAX_CHARACTERS_WITHOUT_RECORD) {
      throw new CommandError(
        `${path}, after record ${count}: more than ${MAX_CHARACTERS_WITHOUT_RECORD} characters without a user.`,
      )
    }
    if (rows.length === 0) continue
    isEmpty = false
    count += rows.length
    yield rows
    rows = []
  }
  if (!parser.isEnded) throw new CommandError(`${path} ends in the middle.`)
  if (isEmpty) throw new CommandError(`${path} has no ${isArray ? 'objects' : list}.`)
}

type Token = { token: TokenType; value: unknown; offset: number }

/** Refuses a record that is too long, or anything that is too deep, while it is read: the parser keeps a whole record. */
function createRecordGuard(path: string, list: string | null) {
  const recordLevel = list === null ? 2 : 3
  let [levels, start, topKey] = [0, 0, '']
  return function guard({ token, value, offset }: Token, record: number) {
    if (levels === 1 && token === TokenType.STRING) topKey = String(value)
    if (token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET) {
      levels++
      if (levels === recordLevel) start = offset
      if (levels > MAX_LEVELS) throw new CommandError(`${path} has more than ${MAX_LEVELS} levels.`)
    } else if (token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET) levels--
    const isInRecord = levels >= recordLevel && (list === null || topKey === list)
    if (isInRecord && offset - start > MAX_RECORD_CHARACTERS) {
      throw new CommandError(`${path}, record ${record} has more than ${MAX_RECORD_CHARACTERS} characters.`)
    }
  }
}
