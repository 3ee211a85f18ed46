import { availableParallelism, totalmem } from 'node:os'
import { isAddress, isLocal, withoutBrackets } from './kinds/host.ts'
import { isPublicOrIn } from './kinds/network.ts'
import type { Name, Settings } from './settings.ts'

/** The weakest parameters that the OWASP Password Storage Cheat Sheet lists: 7 MiB, five passes. */
const MIN_ARGON2_WORK = 7168 * 5

/** Settings that are valid each alone and do not work together. The fault is reported for the first of them. */
type Contradiction = { of: Name[]; when: (settings: Settings) => boolean; fault: string }

const isProduction = ({ NODE_ENV }: Settings) => NODE_ENV === 'production'
const isInClear = (url: string | undefined) =>
  url?.startsWith('http:') === true && !isLocal(new URL(url).hostname)

const HTTPS = 'must be https in production; only localhost may use http'

const CONTRADICTIONS: Contradiction[] = [
  {
    of: ['PUBLIC_URL', 'NODE_ENV'],
    when: (settings) => isProduction(settings) && isInClear(settings.PUBLIC_URL),
    fault: HTTPS,
  },
  {
    of: ['ALLOWED_ORIGINS', 'NODE_ENV'],
    when: (settings) => isProduction(settings) && settings.ALLOWED_ORIGINS.some(isInClear),
    fault: HTTPS,
  },
  {
    of: ['PASSKEY_ORIGINS', 'NODE_ENV'],
    when: (settings) => isProduction(settings) && settings.PASSKEY_ORIGINS.some(isInClear),
    fault: HTTPS,
  },
  {
    of: ['APP_URL', 'NODE_ENV'],
    when: (settings) => isProduction(settings) && isInClear(settings.APP_URL),
    fault: HTTPS,
  },
  {
    of: ['WEBHOOKS', 'NODE_ENV'],
    when: (settings) => isProduction(settings) && settings.WEBHOOKS.some((url) => url.startsWith('http:')),
    fault: 'must be https in production: a certificate proves that events reach their receiver',
  },
  {
    of: ['WEBHOOKS', 'WEBHOOK_NETWORKS', 'NODE_ENV'],
    when: (settings) =>
      isProduction(settings) &&
      settings.WEBHOOKS.some((url) => !mayBeCalled(new URL(url).hostname, settings.WEBHOOK_NETWORKS)),
    fault: 'has an address that is not in the internet: list it in WEBHOOK_NETWORKS if it is yours',
  },
  {
    of: ['WEBHOOKS', 'WEBHOOK_SECRETS', 'WEBHOOK_SECRETS_FILE'],
    when: ({ WEBHOOKS, WEBHOOK_SECRETS, WEBHOOK_SECRETS_FILE }) =>
      WEBHOOKS.length > 0 && !WEBHOOK_SECRETS && !WEBHOOK_SECRETS_FILE,
    fault:
      'needs a secret in WEBHOOK_SECRETS, which receivers verify: make one with: servauth webhook-key create',
  },
  {
    of: ['WEBHOOK_SECRETS_FILE', 'WEBHOOK_SECRETS'],
    when: ({ WEBHOOK_SECRETS, WEBHOOK_SECRETS_FILE }) =>
      WEBHOOK_SECRETS !== undefined && WEBHOOK_SECRETS_FILE !== undefined,
    fault: 'must not be set beside WEBHOOK_SECRETS: remove one of the two',
  },
  {
    of: ['WORKERS'],
    when: ({ WORKERS }) => WORKERS > 1 && process.platform !== 'linux',
    fault: 'must be 1 on this system: only Linux shares a port fairly between processes',
  },
  {
    of: ['PASSKEY_RP_ID', 'PUBLIC_URL'],
    when: ({ PASSKEY_RP_ID, PUBLIC_URL }) =>
      PASSKEY_RP_ID !== undefined &&
      !`.${new URL(PUBLIC_URL ?? 'http://localhost').hostname}`.endsWith(`.${PASSKEY_RP_ID}`),
    fault: 'must be the domain of PUBLIC_URL, or a domain above it',
  },
  {
    of: ['ADMIN_PORT', 'PORT', 'METRICS_PORT'],
    when: ({ ADMIN_PORT, PORT, METRICS_PORT }) =>
      ADMIN_PORT !== undefined && (ADMIN_PORT === PORT || ADMIN_PORT === METRICS_PORT),
    fault:
      'must not be PORT or METRICS_PORT: choose another, or leave it out to serve administration on PORT',
  },
  {
    of: ['METRICS_PORT', 'PORT'],
    when: ({ METRICS_PORT, PORT }) => METRICS_PORT === PORT,
    fault: 'must not be PORT: choose another, such as 9464',
  },
  {
    of: ['AUTH_SECRET_FILE', 'AUTH_SECRET'],
    when: ({ AUTH_SECRET, AUTH_SECRET_FILE }) => AUTH_SECRET !== undefined && AUTH_SECRET_FILE !== undefined,
    fault: 'must not be set beside AUTH_SECRET: remove one of the two',
  },
  {
    of: ['AUTH_SECRET_PREVIOUS_FILE', 'AUTH_SECRET_PREVIOUS'],
    when: ({ AUTH_SECRET_PREVIOUS, AUTH_SECRET_PREVIOUS_FILE }) =>
      AUTH_SECRET_PREVIOUS !== undefined && AUTH_SECRET_PREVIOUS_FILE !== undefined,
    fault: 'must not be set beside AUTH_SECRET_PREVIOUS: remove one of the two',
  },
  {
    of: ['AUTH_SECRET_PREVIOUS', 'AUTH_SECRET_PREVIOUS_FILE', 'AUTH_SECRET', 'AUTH_SECRET_FILE'],
    when: (settings) => {
      const previous = settings.AUTH_SECRET_PREVIOUS ?? settings.AUTH_SECRET_PREVIOUS_FILE
      return previous !== undefined && previous === (settings.AUTH_SECRET ?? settings.AUTH_SECRET_FILE)
    },
    fault: 'must not be AUTH_SECRET: set AUTH_SECRET to a new secret, or remove this variable',
  },
  {
    of: ['SESSION_IDLE_SECONDS', 'SESSION_MAX_SECONDS'],
    when: ({ SESSION_IDLE_SECONDS = 0, SESSION_MAX_SECONDS }) => SESSION_IDLE_SECONDS > SESSION_MAX_SECONDS,
    fault: 'must not be more than SESSION_MAX_SECONDS: shorten it, or lengthen that',
  },
  {
    of: ['ARGON2_MEMORY_KIB', 'ARGON2_PASSES'],
    when: ({ ARGON2_MEMORY_KIB, ARGON2_PASSES }) => ARGON2_MEMORY_KIB * ARGON2_PASSES < MIN_ARGON2_WORK,
    fault: `times ARGON2_PASSES must be at least ${MIN_ARGON2_WORK}: raise one of the two`,
  },
  {
    of: ['ARGON2_MEMORY_KIB', 'WORKERS'],
    when: ({ ARGON2_MEMORY_KIB, WORKERS }) =>
      ARGON2_MEMORY_KIB * 1024 * countHashes(WORKERS) > availableBytes(),
    fault: 'needs more memory than this machine has, for one hash on each core: lower it, or WORKERS',
  },
  {
    of: ['AUTH_SECRET', 'AUTH_SECRET_FILE', 'DATABASE_URL', 'SMTP_URL'],
    when: ({ AUTH_SECRET, AUTH_SECRET_FILE, DATABASE_URL, SMTP_URL }) => {
      const secret = AUTH_SECRET ?? AUTH_SECRET_FILE
      return [DATABASE_URL, SMTP_URL].some((url) => url && secret && passwordOf(url) === secret)
    },
    fault:
      'is the password of another service too: make one for Servauth alone, with: openssl rand -base64 32',
  },
  {
    of: ['REQUIRE_EMAIL_VERIFICATION', 'SMTP_URL', 'NODE_ENV'],
    when: (settings) => isProduction(settings) && settings.REQUIRE_EMAIL_VERIFICATION && !settings.SMTP_URL,
    fault: 'needs a mail server in SMTP_URL: without one, no user could ever sign in',
  },
  {
    of: ['MAIL_FROM', 'SMTP_URL', 'PUBLIC_URL'],
    when: ({ MAIL_FROM, SMTP_URL, PUBLIC_URL = '' }) =>
      !MAIL_FROM && SMTP_URL !== undefined && isNameless(URL.parse(PUBLIC_URL)),
    fault: 'is needed, since PUBLIC_URL has no domain to send from: set it, such as no-reply@example.com',
  },
]

/** The hashes that may run at once: one on each core, up to eight, and one in each worker. */
const countHashes = (workers: number) => Math.max(workers, Math.min(8, availableParallelism()))

/** The memory of the machine, or of its part that the container may use. */
const availableBytes = () => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)

function passwordOf(url: string) {
  const { password = '' } = URL.parse(url) ?? {}
  try {
    return decodeURIComponent(password)
  } catch {
    return password
  }
}

/** Whether events may be sent there, as far as the host of a URL shows: other names can resolve to any address. */
function mayBeCalled(hostname: string, networks: Settings['WEBHOOK_NETWORKS']) {
  const host = withoutBrackets(hostname)
  if (isAddress(host)) return isPublicOrIn(networks, host)
  return !isLocal(host) || LOOPBACK.some((address) => isPublicOrIn(networks, address))
}

const LOOPBACK = ['127.0.0.1', '::1']

const isNameless = (url: URL | null) =>
  url !== null && /^\[|\.\d+$/.test(url.hostname) && !isLocal(url.hostname)

/** The faults of settings that contradict each other. Settings that are at fault alone are left out. */
export function findContradictions(settings: Settings, atFault: Set<string>) {
  return CONTRADICTIONS.filter(({ of, when }) => !of.some((name) => atFault.has(name)) && when(settings)).map(
    ({ of, fault }) => `${of[0]}: ${fault}`,
  )
}
