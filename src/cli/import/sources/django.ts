import { readCsv } from '../files/csv.ts'
import { readJson } from '../files/json.ts'
import { flagAt, textAt, timeAt, valueAt } from './fields.ts'
import { openFiles, type Row } from './file-source.ts'
import { type ForeignUser, NO_DETAILS } from './source.ts'

/** Django: the table `auth_user` as CSV, or `manage.py dumpdata auth.user`. Django does not verify addresses. */
export const openDjango = (files: string[]) =>
  openFiles({
    system: 'django',
    files,
    read: (path, onBytes) => (path.endsWith('.csv') ? readCsv(path, onBytes) : readJson(path, onBytes)),
    toUser,
  })

function toUser(row: Row): ForeignUser | null {
  const isDump = typeof row.model === 'string'
  if (isDump && !('password' in ((row.fields ?? {}) as Row))) return null
  const fields = isDump ? (row.fields as Row) : row
  const password = textAt(fields, 'password')
  const names = [textAt(fields, 'first_name'), textAt(fields, 'last_name')].filter(Boolean).join(' ')
  return {
    ...NO_DETAILS,
    id: textAt(row, isDump ? 'pk' : 'id') ?? '',
    email: textAt(fields, 'email') ?? '',
    name: names || textAt(fields, 'username'),
    // `set_unusable_password` stores a text that begins with an exclamation mark.
    password: password?.startsWith('!') ? null : password,
    createdAt: timeAt(fields, 'date_joined'),
    banned: valueAt(fields, 'is_active') !== undefined && !flagAt(fields, 'is_active'),
  }
}
