import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { CommandError } from '../../support/command-error.ts'
import { readCsv } from '../files/csv.ts'
import { readJson } from '../files/json.ts'
import { claimsAt, flagAt, rolesAt, textAt, timeAt, toTotpKey, valueAt } from './fields.ts'
import { openFiles, type Row } from './file-source.ts'
import { type ForeignUser, NO_DETAILS, type Source } from './source.ts'

/** The fields of an account, and the names that are tried for each if the operator gives none. */
const FIELDS = {
  id: ['id', 'user_id', 'userId', 'uuid'],
  email: ['email', 'email_address', 'emailAddress', 'mail'],
  emailVerified: ['email_verified', 'emailVerified', 'verified', 'email_verified_at', 'email_confirmed_at'],
  username: ['username', 'user_name', 'userName', 'name', 'display_name', 'displayName'],
  password: ['password_hash', 'passwordHash', 'password', 'hash', 'password_digest', 'encrypted_password'],
  createdAt: ['created_at', 'createdAt', 'created'],
  updatedAt: ['updated_at', 'updatedAt', 'updated'],
  disabled: ['disabled', 'banned', 'blocked', 'disabled_at'],
  totpKey: ['totp_secret', 'totpSecret', 'totp_key', 'otp_secret'],
  // Only if the operator names them: roles of another system must not give permissions here by accident.
  roles: [],
  claims: [],
} satisfies Record<string, string[]>
type Field = keyof typeof FIELDS

export type Columns = Partial<Record<Field, string>>

const names = Object.keys(FIELDS) as Field[]
const Mapping = z.partialRecord(z.enum(names as [Field, ...Field[]]), z.string().min(1))

/** Reads `email=mail,password=digest`. */
export function parseColumns(text: string): Columns {
  const pairs = text.split(',').map((pair) => pair.split('=', 2).map((part) => part.trim()))
  return checkMapping(Object.fromEntries(pairs), 'The columns')
}

/** Reads a file with an object of JSON: the name of a field, and where it is in the export. */
export async function readMapping(path: string): Promise<Columns> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CommandError(`The file ${path} cannot be read.`, { cause })
  })
  try {
    return checkMapping(JSON.parse(text), path)
  } catch (error) {
    throw error instanceof SyntaxError ? new CommandError(`${path} is not JSON.`) : error
  }
}

function checkMapping(given: unknown, place: string) {
  const { data } = Mapping.safeParse(given)
  if (data) return data as Columns
  throw new CommandError(
    `${place} must name fields of an account and where each is in the export. The fields are ${names.join(', ')}.`,
  )
}

const READERS = { csv: readCsv, json: readJson }

/** Users of CSV or JSON whose columns the operator names, or that have usual names. */
export function openColumns(
  format: keyof typeof READERS,
  files: string[],
  columns: Columns,
): Promise<Source> {
  return openFiles({ system: format, files, read: READERS[format], toUser: createReader(columns) })
}

function createReader(given: Columns) {
  let found: Columns | undefined
  return (row: Row): ForeignUser => {
    found ??= findColumns(row, given)
    const columns = found
    const text = (field: Field) => (columns[field] ? textAt(row, columns[field]) : null)
    const email = text('email') ?? ''
    return {
      ...NO_DETAILS,
      id: text('id') ?? email,
      email,
      emailVerified: columns.emailVerified ? flagAt(row, columns.emailVerified) : false,
      name: text('username'),
      password: text('password'),
      createdAt: columns.createdAt ? timeAt(row, columns.createdAt) : null,
      updatedAt: columns.updatedAt ? timeAt(row, columns.updatedAt) : null,
      banned: columns.disabled ? flagAt(row, columns.disabled) : false,
      totpKeys: [toTotpKey(text('totpKey')) ?? []].flat(),
      roles: columns.roles ? rolesAt(row, columns.roles) : [],
      claims: columns.claims ? claimsAt(row, columns.claims) : {},
    }
  }
}

/** A column that the operator names must exist in the first record. Of the others, those with a usual name count. */
function findColumns(row: Row, given: Columns): Columns {
  const columns: Columns = {}
  for (const field of names) {
    const named = given[field]
    if (named && valueAt(row, named) === undefined) {
      throw new CommandError(`The first record has no ${named}, which the mapping names for ${field}.`)
    }
    const column = named ?? FIELDS[field].find((name) => valueAt(row, name) !== undefined)
    if (column) columns[field] = column
  }
  if (columns.email) return columns
  throw new CommandError(
    'There is no column with the e-mail address. Name it with --columns email=…, or in the file of --mapping.',
  )
}
