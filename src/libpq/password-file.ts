import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { getHomePath } from './home.ts'
import type { Host } from './hosts.ts'

type Login = { hosts: Host[]; database: string; user: string }

/** The permissions of other users. */
const OTHERS = 0o077

/**
 * The different passwords of a password file for these hosts. Like libpq, ignores the default file if it is missing or
 * readable by other users. A file that the operator names must be usable.
 */
export function readPasswords(
  named: string | undefined,
  login: Login,
): { passwords: string[]; fault?: string } {
  const path = named ?? getDefaultPath()
  const unusable = (fault: string) => (named ? { passwords: [], fault } : { passwords: [] })
  if (path === undefined) return { passwords: [] }
  let text: string
  try {
    const { mode } = statSync(path)
    if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
      return unusable('is a file that other users may read: chmod 600')
    }
    text = readFileSync(path, 'utf8')
  } catch (fault) {
    return unusable(`is a file that cannot be read (${(fault as NodeJS.ErrnoException).code})`)
  }
  const entries = text
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#'))
    .map(splitFields)
  const found = login.hosts.map((host) => entries.find((entry) => matches(entry, host, login))?.[4])
  return { passwords: [...new Set(found.filter((password) => password !== undefined))] }
}

function getDefaultPath() {
  return process.platform === 'win32'
    ? join(process.env.APPDATA ?? '', 'postgresql', 'pgpass.conf')
    : getHomePath('.pgpass')
}

/** Splits `host:port:database:user:password`. A backslash escapes a colon or a backslash within a field. */
const splitFields = (line: string) =>
  line.match(/(?<=^|:)(?:\\.|[^:\\])*/g)?.map((field) => field.replace(/\\(.)/g, '$1')) ?? []

function matches(fields: string[], { name, port }: Host, { database, user }: Login) {
  const wanted = [[name, ...(name.startsWith('/') ? ['localhost'] : [])], [String(port)], [database], [user]]
  return fields.length >= 5 && wanted.every((values, index) => ['*', ...values].includes(fields[index] ?? ''))
}
