import { createReadStream } from 'node:fs'
import Papa from 'papaparse'
import { CommandError } from '../../support/command-error.ts'
import type { Row } from '../sources/file-source.ts'

const CHUNK_BYTES = 256 * 1024
/** More than this without the end of a record means an open quote. */
const MAX_RECORD_CHARACTERS = 4 * 1024 * 1024

/** Reads CSV (RFC 4180) with a header, with commas, semicolons or tabs. An empty field is null. */
export async function* readCsv(path: string, onBytes: (count: number) => void): AsyncGenerator<Row[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  let columns: string[] | undefined
  let parse: ReturnType<typeof createParser> | undefined

  function* take(isLast: boolean): Generator<Row[]> {
    parse ??= createParser(rest)
    const { data, cursor } = parse(rest, isLast)
    rest = rest.slice(cursor)
    if (rest.length > MAX_RECORD_CHARACTERS) {
      throw new CommandError(`${path}: a record has more than ${MAX_RECORD_CHARACTERS} characters.`)
    }
    const records = data.filter((fields) => fields.length > 1 || fields[0] !== '')
    columns ??= records.shift()?.map((name) => name.trim())
    if (records.length > 0) yield records.map((fields) => toRow(columns ?? [], fields))
  }

  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    onBytes((chunk as Buffer).length)
    rest += decode(decoder, path, chunk as Buffer)
    if (rest.includes('\n')) yield* take(false)
  }
  rest += decode(decoder, path)
  if (rest !== '') yield* take(true)
  if (!columns) throw new CommandError(`${path} is empty.`)
}

/** The decoder drops a byte order mark. */
function decode(decoder: TextDecoder, path: string, chunk?: Buffer) {
  try {
    return decoder.decode(chunk, { stream: chunk !== undefined })
  } catch {
    throw new CommandError(`${path} is not UTF-8.`)
  }
}

function createParser(start: string) {
  const header = start.slice(0, start.indexOf('\n') + 1 || undefined)
  const newline = header.endsWith('\r\n') ? '\r\n' : '\n'
  const count = (sign: string) => header.split(sign).length
  const delimiter = [',', ';', '\t'].reduce((best, sign) => (count(sign) > count(best) ? sign : best))
  const parser = new Papa.Parser({ delimiter, newline })
  return (text: string, isLast: boolean) => {
    const { data, meta } = parser.parse(text, 0, !isLast) as { data: string[][]; meta: { cursor: number } }
    return { data, cursor: meta.cursor }
  }
}

function toRow(columns: string[], fields: string[]): Row {
  const row: Row = {}
  for (const [index, name] of columns.entries()) row[name] = fields[index] || null
  return row
}
