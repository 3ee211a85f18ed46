import { DatabaseFault } from '../db/database-fault.ts'
import { AuthError } from '../errors.ts'

type Described = { type: string; message?: string; code?: string; stack?: string; cause?: Described }

/**
 * The part of a fault that may be logged. A message is left out if it may contain values: Drizzle's messages contain
 * the SQL with its parameters, and those of PostgreSQL's class 22 contain the value that did not fit.
 */
export function describeFault(fault: unknown, depth = 0): Described {
  if (!(fault instanceof Error)) return { type: typeof fault }
  const { code } = fault as { code?: unknown }
  const ofDatabase = fault.name === 'PostgresError' && !String(code).startsWith('22')
  // By their names, because the faults of the listening thread lose their classes on the way.
  const ofConnection = fault.name === 'ConnectionFault'
  const isOwn = [AuthError, DatabaseFault, TypeError].some((type) => fault instanceof type)
  return {
    type: fault.name,
    ...(typeof code === 'string' && { code }),
    ...((isOwn || ofDatabase || ofConnection) && { message: fault.message.slice(0, 500) }),
    ...(fault.stack && { stack: frames(fault.stack) }),
    ...(fault.cause !== undefined && depth < 3 && { cause: describeFault(fault.cause, depth + 1) }),
  }
}

/** The frames of a stack. Its first lines are left out, because they repeat the message. */
function frames(stack: string) {
  const lines = stack.split('\n').filter((line) => /^\s+at /.test(line))
  return lines.slice(0, 12).join('\n')
}
