import { getSocketPath, isSocket } from './hosts.ts'
import { addVariables, type Refuse, refuseUnusable } from './parameters.ts'
import { interpret, type Target } from './target.ts'
import { readUrl } from './url.ts'

type Source = Record<string, string | undefined>

/** Says why a connection string cannot be used: one sentence for each fault, without a part of the string. */
export class ConnectionStringError extends Error {
  override readonly name = 'ConnectionStringError'
  readonly faults: string[]

  constructor(faults: string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

/**
 * Adds to a connection string what the `PG…` variables say, so that no other part needs to read them.
 * @throws ConnectionStringError that names each parameter and variable that cannot be used
 */
export function completeConnectionString(text: string, source: Source): string {
  const { given } = read(text, source)
  const added = [...given].filter(([, { variable }]) => variable !== undefined)
  const pairs = added.map(([name, { value }]) => `${name}=${encodeURIComponent(value)}`)
  return pairs.length === 0 ? text : `${text}${text.includes('?') ? '&' : '?'}${pairs.join('&')}`
}

/** The meaning of a connection string without any variables. @throws ConnectionStringError */
export function parseConnectionString(text: string): Target {
  return read(text, {}).target
}

/** The hosts and the database of a connection string, without user and password. */
export function describePlace(text: string) {
  const { hosts, database } = parseConnectionString(text)
  const names = hosts.map((host) => {
    const { name, port } = host
    if (isSocket(host)) return getSocketPath(name, port)
    return name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`
  })
  return `${names.join(', ')}, database ${database}`
}

function read(text: string, source: Source) {
  const faults: string[] = []
  const given = readUrl(text, (reason) => faults.push(`DATABASE_URL: ${reason}`))
  if (faults.length > 0) throw new ConnectionStringError(faults)
  addVariables(given, source)
  const refuse: Refuse = (parameter, reason) => {
    const variable = given.get(parameter)?.variable
    faults.push(variable ? `${variable}: ${reason}` : `DATABASE_URL: ${parameter} ${reason}`)
    return undefined
  }
  refuseUnusable(given, refuse)
  const target = interpret(given, refuse)
  if (faults.length > 0) throw new ConnectionStringError(faults)
  return { given, target }
}
