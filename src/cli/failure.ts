import { DrizzleQueryError } from 'drizzle-orm'
import { isConnectionFault } from '../db/client.ts'
import { AuthError } from '../errors.ts'
import { codeOf } from './doctor/verdict.ts'

/** A command that ends without success; the message is for the person at the terminal. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/** What a fault says to a person who can do something about it: the way out, and no statement with its values. */
export function explain(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault)
  if (fault instanceof DrizzleQueryError) return explain(fault.cause)
  if (fault instanceof AuthError && fault.code === 'SERVICE_UNAVAILABLE') return unavailable(fault.cause)
  return isConnectionFault(fault) ? unavailable(fault) : fault.message
}

function unavailable(cause: unknown) {
  return `The database is not available (${codeOf(cause)}). "servauth doctor" says more.`
}
