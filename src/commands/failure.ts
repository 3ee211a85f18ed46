import { DrizzleQueryError } from 'drizzle-orm'
import { AuthError } from '../errors.ts'

/** A command that ends without success; its message is for the person at the terminal, an empty one was said already. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/** What a fault says to a person who can do something about it: the way out, and no statement with its values. */
export function explain(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault)
  if (fault instanceof AuthError && fault.code === 'SERVICE_UNAVAILABLE') {
    return `The database is not available${codeOf(fault)}. "servauth doctor" says more.`
  }
  if (fault instanceof DrizzleQueryError) return explain(fault.cause)
  return fault.message
}

function codeOf(fault: Error): string {
  for (let cause = fault.cause; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown }
    if (typeof code === 'string') return ` (${code})`
  }
  return ''
}
