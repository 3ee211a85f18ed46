import { readCsv } from '../files/csv.ts'
import { readJson } from '../files/json.ts'
import { flagAt, hashAt, idAt, listAt, objectAt, textAt, timeAt, valueAt } from './fields.ts'
import { openFiles, type Row } from './file-source.ts'
import { type ForeignUser, NO_DETAILS } from './source.ts'

/** Django: the table `auth_user` as CSV, or `manage.py dumpdata auth.user`. Django does not verify addresses. */
export const openDjango = (files: string[]) =>
  openFiles({
    system: 'django',
    files,
    read: (path, onBytes) => (/\.csv$/i.test(path) ? readCsv(path, onBytes) : readJson(path, onBytes)),
    toUser,
  })

function toUser(row: Row): ForeignUser | null {
  const isDump = typeof row.model === 'string'
  const fields = isDump ? objectAt(row, 'fields') : row
  // A dump may have other models too.
  if (isDump && !Object.hasOwn(fields, 'password')) return null
  const password = hashAt(fields, 'password')
  const names = [textAt(fields, 'first_name'), textAt(fields, 'last_name')].filter(Boolean).join(' ')
  return {
    ...NO_DETAILS,
    id: idAt(row, isDump ? 'pk' : 'id') ?? '',
    email: textAt(fields, 'email') ?? '',
    name: names || textAt(fields, 'username'),
    // `set_unusable_password` stores a text that begins with an exclamation mark.
    password: password?.startsWith('!') ? null : password,
    createdAt: timeAt(fields, 'date_joined'),
    banned: valueAt(fields, 'is_active') !== undefined && !flagAt(fields, 'is_active'),
    rolesThere: [...FLAGS.filter((name) => flagAt(fields, name)), ...listAt(fields, 'groups').map(toName)],
  }
}

const FLAGS = ['is_superuser', 'is_staff']

/** A group is its number, or a list with its name after `dumpdata --natural-foreign`. */
const toName = (group: unknown) => String(Array.isArray(group) ? group[0] : group)
