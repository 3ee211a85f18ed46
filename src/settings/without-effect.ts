import type { Name } from './settings.ts'

type Environment = Record<string, string | undefined>
/** Settings that only matter together with another one, and what that must be. */
type Need = { of: Name[]; needs: string; isMet: (given: Environment) => boolean }

const isTraced = (given: Environment) =>
  Boolean(given.OTEL_EXPORTER_OTLP_ENDPOINT ?? given.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)

const NEEDS: Need[] = [
  { of: ['METRICS_HOST'], needs: 'METRICS_PORT', isMet: ({ METRICS_PORT }) => Boolean(METRICS_PORT) },
  {
    of: ['WEBHOOK_SECRETS', 'WEBHOOK_SECRETS_FILE'],
    needs: 'WEBHOOKS',
    isMet: ({ WEBHOOKS }) => Boolean(WEBHOOKS),
  },
  {
    of: ['MAIL_FROM', 'MAIL_LANGUAGES', 'MAIL_TEMPLATES', 'SIGN_IN_MAILS'],
    needs: 'SMTP_URL',
    // Development writes its mails to the log.
    isMet: ({ SMTP_URL, SMTP_URL_FILE, NODE_ENV = 'production' }) =>
      Boolean(SMTP_URL ?? SMTP_URL_FILE) || NODE_ENV !== 'production',
  },
  {
    of: ['THROTTLE_LIMITS'],
    needs: 'THROTTLE=on',
    isMet: ({ THROTTLE, THROTTLE_LIMITS }) =>
      THROTTLE !== 'off' || /\beventPerAddress=/.test(THROTTLE_LIMITS ?? ''),
  },
  {
    of: ['OTEL_TRACES_EXPORTER', 'OTEL_TRACES_SAMPLER', 'OTEL_SDK_DISABLED'],
    needs: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    isMet: isTraced,
  },
  {
    of: ['OTEL_TRACES_SAMPLER_ARG'],
    needs: 'OTEL_TRACES_SAMPLER=parentbased_traceidratio',
    isMet: ({ OTEL_TRACES_SAMPLER }) => /traceidratio$/.test(OTEL_TRACES_SAMPLER ?? ''),
  },
]

/** The settings that are set and have no effect, because another one is not, with what they need. */
export function findWithoutEffect(environment: Environment) {
  const given = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value?.trim() || undefined]),
  )
  return NEEDS.flatMap(({ of, needs, isMet }) =>
    isMet(given) ? [] : of.filter((name) => given[name]).map((name) => ({ name, needs })),
  )
}
