import { z } from 'zod'
import { CommandError } from '../../support/command-error.ts'
import { readSmallFile } from '../../support/small-file.ts'
import { readCsv } from '../files/csv.ts'
import { readJson } from '../files/json.ts'
import { claimsAt, flagAt, hashAt, idAt, rolesAt, textAt, timeAt, toTotpKey, valueAt } from './fields.ts'
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
  locale: ['locale', 'language', 'preferred_language'],
  // Only if the operator names them: roles of another system must not give permissions here by accident.
  roles: [],
  claims: [],
} satisfies Record<string, string[]>
type Field = keyof typeof FIELDS

export type Columns = Partial<Record<Field, string>>

const names = Object.keys(FIELDS) as Field[]
/** A record of Zod would leave out `__proto__` without an error. */
const Mapping = z.strictObject(Object.fromEntries(names.map((name) => [name, z.string().min(1).optional()])))

/** Reads `email=mail,password=digest`. */
export function parseColumns(text: string): Columns {
  const pairs = text.split(',').map((pair) => pair.split('=', 2).map((part) => part.trim()))
  return checkMapping(Object.fromEntries(pairs), 'The columns')
}

/** Reads a file with an object of JSON: the name of a field, and where it is in the export. */
export async function readMapping(path: string): Promise<Columns> {
  const text = await readSmallFile(path)
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
  let isFirst = true
  return (row: Row): ForeignUser => {
    if (isFirst) checkColumns(row, given)
    isFirst = false
    // For each record, because an object of JSON may lack what others have.
    const columnOf = (field: Field) => given[field] ?? findColumn(row, field)
    const read = <T>(field: Field, readAt: (row: Row, column: string) => T, otherwise: T) => {
      const column = columnOf(field)
      return column === undefined ? otherwise : readAt(row, column)
    }
    const text = (field: Field) => read(field, textAt, null)
    const email = text('email') ?? ''
    const totpKey = toTotpKey(text('totpKey'))
    return {
      ...NO_DETAILS,
      id: read('id', idAt, null) ?? email,
      email,
      emailVerified: read('emailVerified', flagAt, false),
      name: text('username'),
      password: read('password', hashAt, null),
      createdAt: read('createdAt', timeAt, null),
      updatedAt: read('updatedAt', timeAt, null),
      banned: read('disabled', flagAt, false),
      totpKeys: totpKey === null ? [] : [totpKey],
      secondFactor: text('totpKey') !== null && totpKey === null,
      locale: text('locale'),
      roles: read('roles', rolesAt, []),
      claims: read('claims', claimsAt, {}),
    }
  }
}

const findColumn = (row: Row, field: Field): string | undefined =>
  FIELDS[field].find((name) => valueAt(row, name) !== undefined)

/** Columns that the operator names must exist in the first record, and there must be one with the address. */
function checkColumns(row: Row, given: Columns) {
  for (const field of names) {
    const named = given[field]
    if (named && valueAt(row, named) === undefined) {
      throw new CommandError(`The first record has no ${named}, which the mapping names for ${field}.`)
    }
  }
  if (given.email ?? findColumn(row, 'email')) return
  throw new CommandError(
    'There is no column with the e-mail address. Name it with --columns email=…, or in the file of --mapping.',
  )
}
