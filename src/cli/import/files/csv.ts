import Papa from 'papaparse'
import { CommandError } from '../../support/command-error.ts'
import type { Row } from '../sources/file-source.ts'
import { MAX_RECORD_CHARACTERS, readText } from './text.ts'

/** Reads CSV (RFC 4180) with a header, with commas, semicolons or tabs. An empty field is null. */
export async function* readCsv(path: string, onBytes: (count: number) => void): AsyncGenerator<Row[]> {
  let rest = ''
  let columns: string[] | undefined
  let parse: ReturnType<typeof createParser> | undefined
  let count = 0

  function* take(isLast: boolean): Generator<Row[]> {
    parse ??= createParser(rest)
    const { data, errors, cursor } = parse(rest, isLast)
    rest = rest.slice(cursor)
    if (rest.length > MAX_RECORD_CHARACTERS) {
      throw new CommandError(
        `${path}, record ${count + data.length + (columns ? 1 : 0)}: it has more than ${MAX_RECORD_CHARACTERS} characters.`,
      )
    }
    // The parser would guess where the field ends.
    const [error] = errors
    if (error) {
      const record = count + (error.row ?? 0) + (columns ? 1 : 0)
      throw new CommandError(`${path}, record ${record}: a quote is not closed.`)
    }
    const records = data.filter((fields) => fields.length > 1 || fields[0] !== '')
    columns ??= readColumns(records.shift())
    if (records.length > 0) yield records.map((fields) => toRow(columns ?? [], fields))
  }

  function readColumns(header: string[] | undefined) {
    if (header?.some((name) => /\r(?!\n)/.test(name))) {
      throw new CommandError(`${path} has lines that end with CR. Store it with LF or CRLF.`)
    }
    const found = header?.map((name) => name.trim())
    // A join of two tables has two columns `id`, and only one of them is that of the account.
    const second = found?.findIndex((name, index) => name !== '' && found.indexOf(name) < index) ?? -1
    if (!found || second === -1) return found
    const first = found.indexOf(found[second] ?? '')
    throw new CommandError(
      `${path}: the columns ${first + 1} and ${second + 1} have the same name. Leave out one, or rename it.`,
    )
  }

  /** Fields that are too many or too few mean that values are in wrong columns. */
  function toRow(names: string[], fields: string[]): Row {
    count++
    const isEven = fields.length >= names.length && fields.slice(names.length).every((field) => field === '')
    if (isEven) return Object.fromEntries(names.map((name, index) => [name, fields[index] || null]))
    throw new CommandError(
      `${path}, record ${count} has ${fields.length} fields, and the first line has ${names.length}.`,
    )
  }

  for await (const text of readText(path, onBytes)) {
    rest += text
    if (rest.includes('\n') || rest.length > MAX_RECORD_CHARACTERS) yield* take(false)
  }
  if (rest !== '') yield* take(true)
  if (!columns) throw new CommandError(`${path} is empty.`)
}

function createParser(start: string) {
  const header = start.slice(0, start.indexOf('\n') + 1 || undefined)
  const newline = header.endsWith('\r\n') ? '\r\n' : '\n'
  const count = (sign: string) => header.split(sign).length
  const delimiter = [',', ';', '\t'].reduce((best, sign) => (count(sign) > count(best) ? sign : best))
  const parser = new Papa.Parser({ delimiter, newline })
  return (text: string, isLast: boolean) => {
    const { data, errors, meta } = parser.parse(text, 0, !isLast) as Papa.ParseResult<string[]>
    return { data, errors, cursor: meta.cursor }
  }
}
