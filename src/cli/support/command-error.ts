import { DrizzleQueryError } from 'drizzle-orm'
import { getAdvice } from '../../db/database-fault.ts'
import { isConnectionFault } from '../../db/fault-kinds.ts'
import { AuthError } from '../../errors.ts'
import { getErrorCode } from './error-code.ts'

/** Ends a command without success. The operator sees the message. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** Turns an error into a message for the operator. Leaves out SQL statements, because they hold values. */
export function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof DrizzleQueryError) return explainError(error.cause)
  if (error instanceof AuthError && error.code === 'SERVICE_UNAVAILABLE') return explainOutage(error.cause)
  // Before the connection: some codes of files are also those of sockets.
  if (isFileFault(error)) return `A file or folder cannot be used: ${error.message}.`
  return isOutage(error) ? explainOutage(error) : error.message
}

/** The path is missing if a folder is read like a file, or the disk is full or broken. */
function isFileFault({ path, code, syscall }: NodeJS.ErrnoException) {
  return (
    syscall !== 'connect' &&
    (path !== undefined || /^(EISDIR|ENOSPC|EDQUOT|EFBIG|EIO|ESTALE)$/.test(code ?? ''))
  )
}

/** The database cannot be reached, or refuses the connection: a wrong user, no such database, no connection left, a start. */
function isOutage(error: unknown) {
  const { name, code } = error as { name?: unknown; code?: unknown }
  return isConnectionFault(error) || (name === 'PostgresError' && /^(28|3D|53|57P)/.test(String(code)))
}

function explainOutage(cause: unknown) {
  const code = getErrorCode(cause)
  const advice = getAdvice(code) ?? 'Run "servauth doctor" to find out why.'
  return `The database is not available (${code}). ${advice}`
}
