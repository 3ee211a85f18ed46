import { readCsv } from '../files/csv.ts'
import { firstTextAt, flagAt, textAt, timeAt } from './fields.ts'
import { openFiles, type Row } from './file-source.ts'
import { type ForeignUser, NO_DETAILS } from './source.ts'

/** Devise: its table of users as CSV. */
export const openDevise = (files: string[]) => openFiles({ system: 'devise', files, read: readCsv, toUser })

function toUser(row: Row): ForeignUser {
  return {
    ...NO_DETAILS,
    id: textAt(row, 'id') ?? '',
    email: textAt(row, 'email') ?? '',
    emailVerified: flagAt(row, 'confirmed_at'),
    name: firstTextAt(row, 'username', 'name'),
    password: textAt(row, 'encrypted_password'),
    createdAt: timeAt(row, 'created_at'),
    updatedAt: timeAt(row, 'updated_at'),
    secondFactor: flagAt(row, 'otp_required_for_login'),
    rolesThere: [
      textAt(row, 'role') ?? [],
      /^(?:t|true|1)$/i.test(textAt(row, 'admin') ?? '') ? 'admin' : [],
    ].flat(),
  }
}
