type Environment = Record<string, string | undefined>

/**
 * Variables that libraries read by themselves and that would change the server behind its settings, with what to do
 * instead. A test finds the variables that libraries read.
 */
const FOREIGN_VARIABLES: [name: RegExp, advice: string][] = [
  [
    /^BETTER_AUTH_SECRETS$/,
    'would replace AUTH_SECRET: keep the secret in AUTH_SECRET, and remove this variable',
  ],
  [
    /^BETTER_AUTH_TRUSTED_ORIGINS$/,
    'is not used: list the origins in ALLOWED_ORIGINS, and remove this variable',
  ],
  [/^BETTER_AUTH_TELEMETRY(_\w+)?$/, 'would send settings to another server: remove it'],
  [
    /^PG(DEBUG|IDLE_TIMEOUT|KEEP_ALIVE|MAX_LIFETIME|MAX_PIPELINE|PREPARE|PUBLICATIONS|SSL|TARGET_SESSION_ATTRS)$/,
    'is not a variable of PostgreSQL: write the option into DATABASE_URL, such as ?sslmode=verify-full, and remove this variable',
  ],
]

/** The same for production only: a developer may want them. A part of them matters only with some values. */
const FORBIDDEN_IN_PRODUCTION: [name: RegExp, value: RegExp, advice: string][] = [
  [
    /^NODE_TLS_REJECT_UNAUTHORIZED$/,
    /^0$/,
    'turns off the check of certificates: name the file of your authority in NODE_EXTRA_CA_CERTS, and remove this variable',
  ],
  [/^BUN_CONFIG_VERBOSE_FETCH$/, /./, 'would write requests with their secrets to the log: remove it'],
  [/^BUN_INSPECT/, /./, 'would let a debugger take over the server: remove it'],
  [
    /^OTEL_EXPORTER_OTLP(_TRACES)?_PROTOCOL$/,
    /^(?!http\/json$)/,
    'must be http/json, which is how traces are sent: remove it, and name the HTTP port of the collector, usually 4318',
  ],
]

/** The faults of variables that are no settings of Servauth. */
export function findForeignVariables(given: Environment, isProduction: boolean) {
  return Object.entries(given).flatMap(([name, value = '']) => {
    const [, advice] = FOREIGN_VARIABLES.find(([pattern]) => pattern.test(name)) ?? []
    const forbidden = FORBIDDEN_IN_PRODUCTION.find(
      ([pattern, values]) => pattern.test(name) && values.test(value),
    )
    const fault = advice ?? (isProduction ? forbidden?.[2] : undefined)
    return fault ? [`${name}: ${fault}`] : []
  })
}
