/** The parameters of libpq that Servauth uses, each with the variable that replaces it if the URL leaves it out. */
const USED: Record<string, string | undefined> = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  application_name: 'PGAPPNAME',
  channel_binding: 'PGCHANNELBINDING',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  keepalives: undefined,
  keepalives_idle: undefined,
  load_balance_hosts: 'PGLOADBALANCEHOSTS',
  options: 'PGOPTIONS',
  require_auth: 'PGREQUIREAUTH',
  search_path: undefined,
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslmode: 'PGSSLMODE',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslpassword: undefined,
  sslrootcert: 'PGSSLROOTCERT',
  sslsni: 'PGSSLSNI',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
}

/** Ignored, because they change nothing here. */
export const HARMLESS = new Set([
  'client_encoding',
  'fallback_application_name',
  'gssdelegation',
  'gsslib',
  'keepalives_count',
  'keepalives_interval',
  'krbsrvname',
  'max_protocol_version',
  'sslcompression',
  'tcp_user_timeout',
])

/** Parameters of libpq that Servauth does not support, with the values that ask for nothing. */
const UNSUPPORTED: Record<string, { variable?: string; unless?: string[] }> = {
  gssencmode: { variable: 'PGGSSENCMODE', unless: ['disable', 'prefer'] },
  min_protocol_version: { variable: 'PGMINPROTOCOLVERSION', unless: ['3.0'] },
  oauth_client_id: {},
  oauth_client_secret: {},
  oauth_issuer: {},
  oauth_scope: {},
  replication: { unless: ['false', 'off', 'no', '0'] },
  requirepeer: { variable: 'PGREQUIREPEER' },
  scram_client_key: {},
  scram_server_key: {},
  service: { variable: 'PGSERVICE' },
  servicefile: {},
  sslcertmode: { variable: 'PGSSLCERTMODE', unless: ['disable', 'allow'] },
  sslcrl: { variable: 'PGSSLCRL' },
  sslcrldir: { variable: 'PGSSLCRLDIR' },
  sslkeylogfile: {},
}

/** What other programs write into such URLs, and what has the same effect here. */
export const FOREIGN: Record<string, string> = {
  connection_limit: 'set DATABASE_POOL_SIZE instead',
  currentSchema: 'set DATABASE_SCHEMA instead',
  max: 'set DATABASE_POOL_SIZE instead',
  pgbouncer:
    'leave it out: a pooler in session mode needs nothing, and one in transaction mode does not work',
  pool_max: 'set DATABASE_POOL_SIZE instead',
  pool_size: 'set DATABASE_POOL_SIZE instead',
  pool_timeout: 'leave it out',
  schema: 'set DATABASE_SCHEMA instead',
  sslaccept: 'write sslmode=verify-full, or sslmode=require to accept any certificate',
  statement_timeout: 'leave it out: the server sets its own',
  uselibpqcompat: 'leave it out: sslmode means the same as for libpq',
}

/** A value with the variable that it comes from, or without one if it is in the URL. */
type Given = { value: string; variable?: string }
export type Parameters = Map<string, Given>

/** Records why a parameter cannot be used. The reason never contains a part of its value. */
export type Refuse = (parameter: string, reason: string) => undefined

type Source = Record<string, string | undefined>

/** Adds what the `PG…` variables say about parameters that the URL leaves out. */
export function addVariables(given: Parameters, source: Source) {
  const add = (name: string, variable: string, value = source[variable]) => {
    if (value && !given.has(name)) given.set(name, { value, variable })
  }
  for (const [name, variable] of Object.entries(USED)) if (variable) add(name, variable)
  for (const [name, { variable }] of Object.entries(UNSUPPORTED)) if (variable) add(name, variable)
  if (source.PGREQUIRESSL === '1') add('sslmode', 'PGREQUIRESSL', 'require')
}

const MAX_NAME_LENGTH = 40

/** Refuses by name the parameters that are not supported or that PostgreSQL does not know. */
export function refuseUnusable(given: Parameters, refuse: Refuse) {
  for (const [name, { value }] of given) {
    const unsupported = Object.hasOwn(UNSUPPORTED, name) ? UNSUPPORTED[name] : undefined
    if (Object.hasOwn(USED, name) || HARMLESS.has(name) || unsupported?.unless?.includes(value)) continue
    if (unsupported) refuse(name, 'is not supported here: leave it out')
    else if (Object.hasOwn(FOREIGN, name)) refuse(name, `is not a parameter of PostgreSQL: ${FOREIGN[name]}`)
    // A name that is not known may be a part of a password.
    else if (!/^[a-z_]+$/i.test(name) || name.length > MAX_NAME_LENGTH)
      refuse('the query', 'has a parameter that is not one of PostgreSQL: leave it out')
    else refuse(name, 'is not a parameter of PostgreSQL: leave it out')
  }
}
