import { readFileSync } from 'node:fs'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'

/** The settings of the server. This file imports nothing of the product, so every part may import it. */

/** The smallest minimum that NIST allows (SP 800-63B-4, section 3.1.1.1). A setting may require more. */
export const MIN_PASSWORD_CHARACTERS = 8

/** The algorithms that can sign access tokens (RFC 7518, section 3.1; RFC 8037). */
export const TOKEN_ALGORITHMS = ['ES256', 'RS256', 'EdDSA'] as const
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number]

/** The types that an access token can have. `JWT` is for libraries that do not know RFC 9068. */
export const TOKEN_TYPES = ['at+jwt', 'JWT'] as const

/** The longest lifetime of an access token that a setting can choose. */
export const MAX_ACCESS_TOKEN_SECONDS = 3600

const MINUTE = 60
const HOUR = 60 * MINUTE

/** At most `count` in `seconds`. */
export type RateLimit = readonly [count: number, seconds: number]

/** The limits on attempts, mails and events, unless `THROTTLE_LIMITS` sets others. */
export const RATE_LIMITS = {
  loginPerAddress: [20, MINUTE],
  /** The number of failures in a row without a wait, and the longest of the growing waits after them. */
  loginFailures: [5, 15 * MINUTE],
  /** Guesses at second factors. The failures of an account cause the same waits as those of its logins. */
  factorPerAddress: [20, MINUTE],
  registerPerAddress: [20, HOUR],
  mailedTokenPerAddress: [10, MINUTE],
  reauthenticatePerSession: [5, 15 * MINUTE],
  /** Changes by a signed-in user. */
  writePerSession: [120, MINUTE],
  emailChangePerAccount: [10, HOUR],
  /** Mails with a link for a reset or a verification. While a link is live, the same one is sent again. */
  linkMailPerMailbox: [8, HOUR],
  mailRequestPerAddress: [100, HOUR],
  /** For each kind of event that any client can cause. It also applies with `THROTTLE=off`: it protects the disk. */
  eventPerAddress: [3600, HOUR],
} as const satisfies Record<string, RateLimit>

export type RateLimitName = keyof typeof RATE_LIMITS
export type RateLimits = Record<RateLimitName, RateLimit>

/** Whether the host of a URL is this machine. Only there, http and mail without TLS are accepted. */
export function isLocal(hostname: string) {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

/** A network as an address and the length of its prefix. */
export type Network = [ipaddr.IPv4 | ipaddr.IPv6, number]

const Seconds = (min: number, max: number) => z.coerce.number().int().min(min).max(max)
const Toggle = z.enum(['true', 'false']).transform((value) => value === 'true')
const CommaSeparated = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
)

/** A URL without path, query or credentials, as browsers write it in `Origin`; http for localhost only. */
const Origin = z.string().transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url && (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal(url.hostname)))) {
    if (url.href === `${url.origin}/`) return url.origin
  }
  context.addIssue({ code: 'custom', message: 'must be an https origin without a path, or http://localhost' })
  return z.NEVER
})

/** The base of mailed links: https, or http on localhost. It may have a path. */
const AppUrl = z.url({ protocol: /^https?$/ }).transform((value, context) => {
  const { protocol, hostname, origin, pathname, search, hash } = new URL(value)
  if (protocol === 'https:' || isLocal(hostname)) {
    if (!search && !hash) return `${origin}${pathname.replace(/\/+$/, '')}`
  }
  context.addIssue({ code: 'custom', message: 'must be an https URL, or http://localhost, without a query' })
  return z.NEVER
})

const Origins = CommaSeparated.pipe(z.array(Origin))

const isAddress = (text: string) => ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)

/** The proxies whose `X-Forwarded-For` is trusted: addresses and CIDR blocks. */
const Proxies = CommaSeparated.transform((blocks, context) => {
  return blocks.map((block): Network => {
    const [address = ''] = block.split('/')
    const network = block.includes('/') ? block : `${block}/${address.includes(':') ? 128 : 32}`
    if (!isAddress(address) || !ipaddr.isValidCIDR(network)) {
      context.addIssue({ code: 'custom', message: 'must be IP addresses or CIDR blocks' })
      return z.NEVER
    }
    const [parsed, prefix] = ipaddr.parseCIDR(network)
    if (prefix > 0) return [parsed, prefix]
    const message = 'must not be every address: list the addresses of your proxies, such as 10.0.1.7'
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
})

/** 32 random bytes are 43 characters of base64 or 64 of hex. */
const Secret = z
  .string()
  .refine((value) => Buffer.byteLength(value) >= 32, 'must hold at least 32 random bytes')
  .refine(looksRandom, 'does not look random; make one with: openssl rand -base64 32')

/** The path of a file with the secret, as Docker and Kubernetes provide it. */
const SecretFile = z
  .string()
  .transform((path, context) => {
    try {
      return readFileSync(path, 'utf8').trim()
    } catch (fault) {
      const { code } = fault as NodeJS.ErrnoException
      context.addIssue({ code: 'custom', message: `cannot be read (${code})` })
      return z.NEVER
    }
  })
  .pipe(Secret)

/** Limits that replace the defaults, as `name=count/seconds`. */
const ThrottleLimits = CommaSeparated.transform((pairs, context) => {
  const limits: RateLimits = { ...RATE_LIMITS }
  const seen = new Set<string>()
  for (const [index, pair] of pairs.entries()) {
    const [, name = '', count, seconds] = /^(\w+)=(\d{1,6})\/(\d{1,7})$/.exec(pair) ?? []
    const known = Object.hasOwn(RATE_LIMITS, name) && !seen.has(name)
    if (known && Number(count) > 0 && Number(seconds) > 0) {
      limits[name as RateLimitName] = [Number(count), Number(seconds)]
      seen.add(name)
    } else {
      const message = `pair ${index + 1} is not name=count/seconds with a name of .env.example, each once`
      context.addIssue({ code: 'custom', message })
    }
  }
  return limits
})

/** Where OpenTelemetry's spans are sent. */
const Collector = z.url({ protocol: /^https?$/ }).optional()

const EnvSchema = z.object({
  NODE_ENV: z.enum(['production', 'development', 'test']).default('production'),
  PORT: z.coerce.number().int().min(0).max(65535).default(3000),
  WORKERS: z.coerce.number().int().min(1).max(64).default(1),
  METRICS_PORT: z.coerce.number().int().min(1).max(65535).optional(),
  SHUTDOWN_DELAY_SECONDS: Seconds(0, 300).default(0),
  PUBLISH_VERSION: Toggle.default(false),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, hostname: /^/ }).optional(),
  AUTH_SECRET: Secret.optional(),
  AUTH_SECRET_FILE: SecretFile.optional(),
  PUBLIC_URL: Origin.optional(),
  ALLOWED_ORIGINS: Origins.prefault(''),
  TRUSTED_PROXIES: Proxies.prefault(''),
  ACCESS_TOKEN_SECONDS: Seconds(5, MAX_ACCESS_TOKEN_SECONDS).default(900),
  ACCESS_TOKEN_AUDIENCE: CommaSeparated.pipe(z.array(z.string()).min(1, 'must name an audience')).optional(),
  ACCESS_TOKEN_ALG: z.enum(TOKEN_ALGORITHMS).optional(),
  ACCESS_TOKEN_TYP: z.enum(TOKEN_TYPES).default('at+jwt'),
  SESSION_IDLE_SECONDS: Seconds(1, 31_536_000).default(7 * 86_400),
  SESSION_MAX_SECONDS: Seconds(1, 31_536_000).default(30 * 86_400),
  EVENT_RETENTION_DAYS: z.coerce.number().int().min(1).max(3650).default(90),
  EVENT_MAX_ROWS: z.coerce.number().int().min(1000).max(1_000_000_000).default(10_000_000),
  APP_URL: AppUrl.optional(),
  SMTP_URL: z.url({ protocol: /^smtps?$/, hostname: /./ }).optional(),
  MAIL_FROM: z
    .string()
    .regex(/^[^\p{Cc}]+$/u)
    .optional(),
  THROTTLE: z
    .enum(['on', 'off'])
    .default('on')
    .transform((value) => value === 'on'),
  THROTTLE_LIMITS: ThrottleLimits.prefault(''),
  PASSWORD_MIN_LENGTH: z.coerce
    .number()
    .int()
    .min(MIN_PASSWORD_CHARACTERS)
    .max(64)
    .default(MIN_PASSWORD_CHARACTERS),
  ARGON2_MEMORY_KIB: z.coerce.number().int().min(7168).max(1_048_576).default(19_456),
  ARGON2_PASSES: z.coerce.number().int().min(1).max(20).default(2),
  ARGON2_LANES: z.coerce.number().int().min(1).max(8).default(1),
  REQUIRE_EMAIL_VERIFICATION: Toggle.default(false),
  SIGN_IN_MAILS: Toggle.default(true),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  GRAPHIQL: Toggle.optional(),
  INTROSPECTION: Toggle.optional(),
  PUBLISH_SCHEMA: Toggle.default(false),
  DOCS: Toggle.optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: Collector,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Collector,
  OTEL_TRACES_SAMPLER: z
    .enum([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ])
    .default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
  OTEL_SDK_DISABLED: Toggle.default(false),
})

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
    /^PG(DEBUG|IDLE_TIMEOUT|KEEP_ALIVE|MAX_LIFETIME|MAX_PIPELINE|PREPARE|PUBLICATIONS|SSL|SSLNEGOTIATION|TARGET_?SESSION_?ATTRS)$/,
    'would change every connection to PostgreSQL: write the option into DATABASE_URL, such as ?sslmode=verify-full, and remove this variable',
  ],
]

/** The weakest parameters that the OWASP Password Storage Cheat Sheet lists: 7 MiB, five passes. */
const MIN_ARGON2_WORK = 7168 * 5

const REQUIRED_IN_PRODUCTION = ['DATABASE_URL', 'AUTH_SECRET', 'PUBLIC_URL'] as const

/** @internal The names of all settings. A test compares them with `.env.example`. */
export const ENV_NAMES = Object.keys(EnvSchema.shape)

export type Env = ReturnType<typeof loadEnv>

/** Reads the settings and fills in defaults that depend on other settings. Reports all faults at once, without values. */
export function loadEnv(source: Record<string, string | undefined>) {
  const given: typeof source = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''))
  const { data, error } = EnvSchema.safeParse(given)
  const production = (given.NODE_ENV ?? 'production') === 'production'
  const missing = production
    ? REQUIRED_IN_PRODUCTION.filter(
        (name) => !given[name] && !(name === 'AUTH_SECRET' && given.AUTH_SECRET_FILE),
      )
    : []
  const faults = [
    ...missing.map((name) => `${name}: is required in production`),
    ...(Number(given.WORKERS) > 1 && given.PORT === '0'
      ? ['PORT: workers share a port, so it must be given']
      : []),
    ...findForeignVariables(given),
    ...(production && given.NODE_TLS_REJECT_UNAUTHORIZED === '0'
      ? [
          'NODE_TLS_REJECT_UNAUTHORIZED: turns off the check of certificates: name the file of your authority in NODE_EXTRA_CA_CERTS, and remove this variable',
        ]
      : []),
    ...(data?.METRICS_PORT === data?.PORT && data ? ['METRICS_PORT: must not be PORT'] : []),
    ...(error?.issues ?? []).map((issue) => `${String(issue.path[0])}: ${issue.message}`),
    ...(data && data.ARGON2_MEMORY_KIB * data.ARGON2_PASSES < MIN_ARGON2_WORK
      ? ['ARGON2_MEMORY_KIB: times ARGON2_PASSES must be at least 35840']
      : []),
  ]
  if (!data || faults.length > 0) {
    throw new Error(
      `The environment is not valid:\n  ${faults.join('\n  ')}\nEvery variable is described in .env.example.`,
    )
  }

  const developing = data.NODE_ENV !== 'production'
  const publicUrl = data.PUBLIC_URL ?? `http://localhost:${data.PORT}`
  const { AUTH_SECRET_FILE, ...settings } = data
  return {
    ...settings,
    AUTH_SECRET: data.AUTH_SECRET ?? AUTH_SECRET_FILE,
    PUBLIC_URL: publicUrl,
    APP_URL: data.APP_URL ?? publicUrl,
    MAIL_FROM: data.MAIL_FROM ?? `Servauth <no-reply@${new URL(publicUrl).hostname}>`,
    ACCESS_TOKEN_AUDIENCE: data.ACCESS_TOKEN_AUDIENCE ?? [publicUrl],
    GRAPHIQL: data.GRAPHIQL ?? developing,
    INTROSPECTION: data.INTROSPECTION ?? developing,
    DOCS: data.DOCS ?? developing,
  }
}

function findForeignVariables(given: Record<string, string | undefined>) {
  return Object.keys(given).flatMap((name) => {
    const [, advice] = FOREIGN_VARIABLES.find(([pattern]) => pattern.test(name)) ?? []
    return advice ? [`${name}: ${advice}`] : []
  })
}

/** Refuses repetitions and well-known placeholders. It cannot prove that a secret is random. */
function looksRandom(secret: string) {
  const repeats = (secret + secret).indexOf(secret, 1) < secret.length
  const placeholder = /secret|passw|change|example|default|better.?auth|servauth|12345|abcde/i.test(secret)
  return !repeats && !placeholder && new Set(secret).size >= 10
}
