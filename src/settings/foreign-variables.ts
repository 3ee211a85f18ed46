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

/** The faults of variables that are no settings of Servauth. */
export function findForeignVariables(given: Environment, isProduction: boolean) {
  const faults = Object.keys(given).flatMap((name) => {
    const [, advice] = FOREIGN_VARIABLES.find(([pattern]) => pattern.test(name)) ?? []
    return advice ? [`${name}: ${advice}`] : []
  })
  if (isProduction && given.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    faults.push(
      'NODE_TLS_REJECT_UNAUTHORIZED: turns off the check of certificates: name the file of your authority in NODE_EXTRA_CA_CERTS, and remove this variable',
    )
  }
  return faults
}
