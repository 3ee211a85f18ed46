import postgres from 'postgres'
import { OperatorFault } from '../errors.ts'

/** Why a database cannot be used, in words for the operator: the reason, and what to do about it. */
export class DatabaseFault extends OperatorFault {
  override readonly name = 'DatabaseFault'
  readonly reason: string
  readonly advice: string

  constructor(reason: string, advice: string, cause?: unknown) {
    super(`${reason}. ${advice}`, { cause })
    this.reason = reason
    this.advice = advice
  }
}

export const NEEDS_SESSION_MODE =
  'A pooler in front of it uses transaction mode. Connect directly, or use a pooler in session mode.'

/** By SQLSTATE, or by the code of the driver, the system or `ConnectionFault`. */
const ADVICE: Record<string, string> = {
  ECONNREFUSED:
    'Nothing listens there. Start PostgreSQL, or correct DATABASE_URL: in a container, localhost is only that container.',
  ENOENT: 'There is no such socket. Start PostgreSQL, or correct DATABASE_URL or PGHOST.',
  EACCES: 'This user may not use its socket. Look at the permissions of the folder of the socket.',
  ENOTFOUND: 'The name of the host is not known. Correct DATABASE_URL, or look at the name service.',
  EAI_AGAIN: 'The name of the host cannot be looked up now. Look at the name service.',
  EHOSTUNREACH: 'There is no route to that host. Correct DATABASE_URL, or look at the network.',
  ENETUNREACH: 'There is no route to that host. Correct DATABASE_URL, or look at the network.',
  ECONNRESET: 'It closes the connection. Look at its log, and whether PostgreSQL listens there.',
  CONNECTION_CLOSED: 'It has closed the connection. Look at its log.',
  CONNECT_TIMEOUT:
    'It does not answer. Look at firewalls on the way, whether PostgreSQL is overloaded, and whether a pooler has no connection left (default_pool_size).',
  ENOTLS:
    'It offers no TLS, which sslmode or channel_binding requires. Set ssl = on in its postgresql.conf, or write sslmode=disable if the network is trusted.',
  ETLS: 'TLS fails. Look at its log, and at sslmode, sslnegotiation and the versions of TLS in DATABASE_URL.',
  ECERTIFICATE:
    'Its certificate is not trusted. Name the authority with sslrootcert=file, and the host as in the certificate. With sslmode=require, nothing is checked.',
  ENOPRIMARY: 'No host accepts writes. Name the primary in DATABASE_URL, or look at its replication.',
  ESIGNIN:
    'It asks for the password in a way that require_auth or channel_binding does not allow. Correct pg_hba.conf, or DATABASE_URL.',
  '08P01': NEEDS_SESSION_MODE,
  '22023':
    'It does not know a value in options of DATABASE_URL, or in a setting of the role. Correct it there.',
  '25006':
    'It accepts no writes. Name the primary in DATABASE_URL, or switch default_transaction_read_only off.',
  '26000': NEEDS_SESSION_MODE,
  '28000':
    'It refuses the user. Correct DATABASE_URL, or look at pg_hba.conf, which may require TLS or a certificate (sslcert).',
  '28P01':
    'It refuses the user or the password. Correct them in DATABASE_URL, where special characters are %-encoded, or in PGUSER, PGPASSWORD or the password file.',
  '3D000': 'There is no such database. Make it with createdb, or correct DATABASE_URL.',
  '42501': 'The role lacks a right. docs/database.md lists what it needs.',
  '42704': 'It does not know a setting in options of DATABASE_URL. Correct it there.',
  '42601':
    'It does not understand a statement, or options of DATABASE_URL, which may be meant for a pooler. Leave them out, or look whether it is PostgreSQL.',
  '42P05': NEEDS_SESSION_MODE,
  '53300':
    'It has no connection left. Raise max_connections or the CONNECTION LIMIT, or lower DATABASE_POOL_SIZE: a process opens that many and two more.',
  '53100': 'Its disk is full. Make room there, then it goes on by itself.',
  '55P03':
    'Another transaction holds a row or a table for too long. Look into pg_stat_activity, then try again.',
  '57014':
    'It takes too long. Look into pg_stat_activity, and whether PostgreSQL is overloaded, then try again.',
  '55000': 'It accepts no connections. Allow them: alter database … allow_connections true.',
  '57P03': 'It is starting or stopping. Wait a little, then look at its log.',
}

/** The fault in words for the operator, or undefined if it is of another kind. */
export function explainFault(fault: unknown, subject = 'The database'): DatabaseFault | undefined {
  for (let inner = fault; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof DatabaseFault) return inner
    const { code } = inner as { code?: unknown }
    const known = typeof code === 'string' ? getAdvice(code) : undefined
    const advice = isRefusedByPooler(inner) ? REFUSED_BY_POOLER : known
    if (advice) return new DatabaseFault(`${subject} cannot be used (${describeCode(inner)})`, advice, fault)
  }
  return undefined
}

export const getAdvice = (code: string) => (Object.hasOwn(ADVICE, code) ? ADVICE[code] : undefined)

const REFUSED_BY_POOLER =
  'A pooler in front of it refuses the connection. Correct DATABASE_URL, or look at the settings and the log of the pooler.'

/** PgBouncer uses this code for every refusal, also of a password or a database. PostgreSQL's own is no fatal error. */
const isRefusedByPooler = (fault: Error) =>
  fault instanceof postgres.PostgresError && fault.code === '08P01' && fault.severity_local === 'FATAL'

/** Codes whose messages only say a user, a right, or the name of an object or a setting. Others may contain secrets. */
const SAYS_WHY = ['28000', '42501', '42704']

/** The code, and the message of PostgreSQL or the code of the cause. */
function describeCode(fault: Error) {
  const { code } = fault as { code?: string }
  const { code: inner } = (fault.cause ?? {}) as { code?: unknown }
  if (fault instanceof postgres.PostgresError) {
    return SAYS_WHY.includes(fault.code) || isRefusedByPooler(fault) ? `${code}: ${fault.message}` : code
  }
  return typeof inner === 'string' ? `${code}, ${inner}` : code
}
