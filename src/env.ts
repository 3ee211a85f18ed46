import { findContradictions } from './settings/contradictions.ts'
import { readDatabaseUrl } from './settings/database-url.ts'
import { findLostCharacters, findUnusableFiles } from './settings/env-files.ts'
import { findForeignVariables } from './settings/foreign-variables.ts'
import { isLocal } from './settings/kinds/host.ts'
import { type Name, SETTINGS, type Settings } from './settings/settings.ts'

/** Reads the settings. It and `settings/` import only `libpq/`, so every part may import them. */

const REQUIRED_IN_PRODUCTION = {
  DATABASE_URL:
    'set it, such as postgres://user:password@db.example.com/servauth, or postgres:// if the PG… variables say all',
  AUTH_SECRET: 'make one with: openssl rand -base64 32',
  PUBLIC_URL: 'set the origin that browsers show, such as https://auth.example.com',
}

const MAX_DEFAULT_IDLE_SECONDS = 7 * 86_400

type Environment = Record<string, string | undefined>
export type Env = ReturnType<typeof loadEnv>

/** The names of all settings. A test compares them with `.env.example`. */
export const ENV_NAMES = Object.keys(SETTINGS) as Name[]

/** Reads the settings and fills in defaults that depend on other settings. Reports all faults at once, without values. */
export function loadEnv(source: Environment) {
  const direct = withoutBlanks(source)
  const given = withUrlsOfFiles(direct)
  const production = (given.NODE_ENV ?? 'production') === 'production'
  const { settings, faults, atFault } = parseSettings(given)
  const database = atFault.has('DATABASE_URL') ? undefined : readDatabaseUrl(given)
  const all = [
    ...findUnusableFiles(given),
    ...URLS_IN_FILES.filter((name) => direct[name] && direct[`${name}_FILE`]).map(
      (name) => `${name}_FILE: must not be set beside ${name}: remove one of the two`,
    ),
    ...(production ? findMissing(given) : []),
    ...findForeignVariables(given, production),
    ...findLostCharacters(given, [...ENV_NAMES, 'PGPASSWORD']),
    ...faults,
    ...(database?.faults ?? []),
    ...findContradictions(settings, atFault),
  ]
  if (all.length > 0) {
    throw new Error(
      `The environment is not valid:\n  ${all.join('\n  ')}\nEvery variable is described in .env.example.`,
    )
  }
  return withDefaults({ ...settings, DATABASE_URL: database?.url })
}

/** URLs with a password, which may come from files like other secrets. */
const URLS_IN_FILES = ['DATABASE_URL', 'SMTP_URL'] as const

/** With the URLs of the files that can be read. Their checks are those of the URLs themselves. */
function withUrlsOfFiles(given: Environment): Environment {
  const read = URLS_IN_FILES.flatMap((name) => {
    const { data } = SETTINGS[`${name}_FILE`].safeParse(given[`${name}_FILE`])
    return data ? [[name, data] as const] : []
  })
  return { ...Object.fromEntries(read), ...given }
}

/** Blanks around a value come from env files and mean nothing. A value of nothing else counts as not set. */
function withoutBlanks(source: Environment): Environment {
  const trimmed = Object.entries(source).map(([name, value]) => [name, value?.trim()] as const)
  return Object.fromEntries(trimmed.filter(([, value]) => value))
}

function findMissing(given: Environment) {
  return Object.entries(REQUIRED_IN_PRODUCTION)
    .filter(([name]) => !given[name] && !(name !== 'PUBLIC_URL' && given[`${name}_FILE`]))
    .map(([name, advice]) => `${name}: is required in production: ${advice}`)
}

/** Parses each setting by itself. A setting that is at fault is undefined in the result. */
function parseSettings(given: Environment) {
  const faults: string[] = []
  const atFault = new Set<string>()
  const settings = ENV_NAMES.map((name) => {
    const messages = isQuoted(given[name]) ? [QUOTED] : []
    const { data, error } = SETTINGS[name].safeParse(given[name])
    if (messages.length === 0) messages.push(...(error?.issues ?? []).map(({ message }) => message))
    faults.push(...messages.map((message) => `${name}: ${message}`))
    if (messages.length > 0) atFault.add(name)
    return [name, data]
  })
  return { settings: Object.fromEntries(settings) as Settings, faults, atFault }
}

const QUOTED = 'is in quotation marks, which belong to the value in the env files of Docker: remove them'

const isQuoted = (value = '') => value.length > 1 && /^(["'`]).*\1$/s.test(value)

/** Defaults that depend on other settings. */
function withDefaults({
  AUTH_SECRET_FILE,
  AUTH_SECRET_PREVIOUS_FILE,
  DATABASE_URL_FILE: _,
  SMTP_URL_FILE: __,
  WEBHOOK_SECRETS_FILE,
  ...settings
}: Settings) {
  const { HOST, PORT, NODE_ENV, SESSION_IDLE_SECONDS, SESSION_MAX_SECONDS } = settings
  const developing = NODE_ENV !== 'production'
  const publicUrl = settings.PUBLIC_URL ?? `http://${hostOfUrl(HOST)}:${PORT}`
  const { hostname } = new URL(publicUrl)
  return {
    ...settings,
    AUTH_SECRET: settings.AUTH_SECRET ?? AUTH_SECRET_FILE,
    AUTH_SECRET_PREVIOUS: settings.AUTH_SECRET_PREVIOUS ?? AUTH_SECRET_PREVIOUS_FILE,
    WEBHOOK_SECRETS: settings.WEBHOOK_SECRETS ?? WEBHOOK_SECRETS_FILE ?? [],
    PUBLIC_URL: publicUrl,
    APP_URL: settings.APP_URL ?? publicUrl,
    MAIL_FROM: settings.MAIL_FROM ?? {
      name: 'Servauth',
      address: `no-reply@${isLocal(hostname) ? 'localhost' : hostname}`,
    },
    PASSKEY_RP_ID: settings.PASSKEY_RP_ID ?? hostname,
    ACCESS_TOKEN_AUDIENCE: settings.ACCESS_TOKEN_AUDIENCE ?? [publicUrl],
    SESSION_IDLE_SECONDS: SESSION_IDLE_SECONDS ?? Math.min(MAX_DEFAULT_IDLE_SECONDS, SESSION_MAX_SECONDS),
    GRAPHIQL: settings.GRAPHIQL ?? developing,
    INTROSPECTION: settings.INTROSPECTION ?? developing,
    DOCS: settings.DOCS ?? developing,
  }
}

/** `localhost`, unless the server listens on another address alone. */
function hostOfUrl(host = 'localhost') {
  if (/^(0\.0\.0\.0|::|127\..*|::1)$/.test(host)) return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
