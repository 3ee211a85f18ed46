import { sql } from 'drizzle-orm'
import { createAuthCore } from './auth/core.ts'
import { recordEvent } from './auth/events/events.ts'
import { startHousekeeping } from './auth/housekeeping.ts'
import { NO_CLIENT } from './contract/caller.ts'
import { createChanges } from './db/changes/changes.ts'
import { createDb } from './db/client.ts'
import type { DatabaseSettings } from './db/connection/connect.ts'
import { createCounters } from './db/counters.ts'
import { COMMAND_LIMITS } from './db/limits.ts'
import { migrate, type Watcher } from './db/migrate.ts'
import type { Env } from './env.ts'
import type { Message } from './mail/kinds.ts'
import { createLanguages } from './mail/languages.ts'
import { startMailWorker } from './mail/mail-worker.ts'
import { createMails } from './mail/render.ts'
import { createSmtp } from './mail/smtp.ts'
import { BUILT_IN } from './mail/templates.ts'
import type { Logger } from './observe/log.ts'
import type { Span } from './span.ts'
import { storeWebhooks } from './webhooks/stored.ts'
import { createWebhooks } from './webhooks/webhooks.ts'

/** The settings, with a database and a secret that development creates if they are missing. */
export type Settings = Env & DatabaseSettings & { AUTH_SECRET: string }

/** Builds the whole server. The server is ready only while `areOthersReady` is true. */
export async function compose(env: Settings, log: Logger, areOthersReady = () => true) {
  // First of all, because faults in the operator's templates end the start.
  const mails = await createMails(toMailOptions(env))
  // Loaded here, because its schema takes half of the time that a command would take to load.
  const { createApp } = await import('./app.ts')
  const metrics = env.METRICS_PORT === undefined ? undefined : await loadMetrics()
  const tracing = isTraced(env) ? await loadTracing(env, log) : undefined
  const span = tracing?.span
  const { db, pool, close } = createDb(env, span)
  const changes = createChanges(env.DATABASE_URL, (err) =>
    log.warn({ err }, 'the listening connection is lost: until it is back, the session cache is not used'),
  )
  const mailSender = createMailSender(env, log, span)
  const { languages, render } = mails
  const core = createAuthCore({
    env,
    db,
    changes,
    canMail: mailSender !== undefined,
    languages,
    createCounter: createCounters(db),
    observer: metrics?.observer,
    span,
  })
  const state = { prepared: false, draining: false }
  const stops: (() => unknown)[] = []
  let wakeMailWorker = () => {}
  const webhooks = createWebhooks({ db, changes, log, settings: env, openSecrets: core.openWebhookSecrets })

  const isReady = async () => {
    if (!state.prepared || state.draining || !areOthersReady()) return false
    await db.execute(sql`select 1`)
    return true
  }

  metrics?.watch({ vitals: core.vitals, changes, pool, db, isReady })

  const parts = { env, core, log, isReady, observe: metrics?.observe, tracing }
  return {
    app: createApp({ ...parts, hasAdministration: env.ADMIN_PORT === undefined }),
    /** What a port of its own serves: everything, with administration. */
    adminApp:
      typeof env.ADMIN_PORT === 'number' ? createApp({ ...parts, hasAdministration: true }) : undefined,
    metrics,
    changes,
    /** @internal Lets the mail worker look for due mails now. */
    wakeMailWorker: () => wakeMailWorker(),
    /** @internal Lets the workers of webhooks look for due events now. */
    wakeWebhooks: webhooks.wake,
    revocationListeners: core.revocationFeed.size,
    /** Migrates the database, creates the signing key and starts the background work. The server is ready from then on. */
    async prepare(watcher: Watcher = {}) {
      await migrate(env, watcher)
      await core.prepare()
      await storeWebhooks(db, env)
      // From here on nothing fails, so a repeated call starts nothing twice.
      changes.start()
      state.prepared = true
      const limits = { eventDays: env.EVENT_RETENTION_DAYS, maxEventRows: env.EVENT_MAX_ROWS }
      stops.push(startHousekeeping({ db, log, ...limits }).stop)
      stops.push(webhooks.stop)
      await webhooks.start()
      if (!mailSender) return
      const worker = startMailWorker({
        db,
        log,
        compose: core.composeMail,
        onFailed: (tx, { userId }) => recordEvent(tx, 'mail_failed', userId, NO_CLIENT),
        render,
        send: mailSender.send,
        around: tracing?.task,
      })
      wakeMailWorker = worker.wake
      stops.push(() => worker.stop().finally(mailSender.close))
    },
    /** Makes the server not ready, while it finishes its requests. */
    drain() {
      state.draining = true
      core.revocationFeed.end()
    },
    async close() {
      await Promise.all([changes.stop(), ...stops.map((stop) => stop())])
      await close()
      await tracing?.stop()
    },
  }
}

/** The core alone, for a command: it listens on no port, and the server sends the mails that it promises. */
export function composeCore(env: Settings) {
  const { db, close } = createDb({ ...env, databaseLimits: COMMAND_LIMITS })
  const parts = { env, db, changes: createChanges(env.DATABASE_URL), createCounter: createCounters(db) }
  // No operator's request has a language.
  const languages = createLanguages(Object.keys(BUILT_IN))
  return { core: createAuthCore({ ...parts, languages, canMail: env.SMTP_URL !== undefined }), close }
}

/** What the settings say about the words of mails. */
export function toMailOptions({ MAIL_FROM, MAIL_LANGUAGES, MAIL_TEMPLATES }: Env) {
  return { folder: MAIL_TEMPLATES, only: MAIL_LANGUAGES, sender: MAIL_FROM.name }
}

/** Sends mails by SMTP. Without a mail server, development writes them to the log, so that their links can be used. */
function createMailSender(env: Settings, log: Logger, span?: Span) {
  if (env.SMTP_URL) {
    const smtp = createSmtp({ url: env.SMTP_URL, from: env.MAIL_FROM })
    return span ? { ...smtp, send: (message: Message) => span('smtp', {}, () => smtp.send(message)) } : smtp
  }
  if (env.NODE_ENV === 'production') return undefined
  return {
    send: async ({ to, subject, text }: Message) => log.info(`mail to ${to}: ${subject}\n\n${text}`),
    close: () => {},
  }
}

/** Whether the standard variables of OpenTelemetry turn traces on. */
function isTraced(env: Env) {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT
  return endpoint !== undefined && env.OTEL_TRACES_EXPORTER === 'otlp' && !env.OTEL_SDK_DISABLED
}

/** Loaded only if a setting asks for it, so that it costs other servers no memory. */
async function loadTracing(env: Env, log: Logger) {
  const observe = await import('./observe/tracing.ts')
  return observe.createTracing(env, log)
}

async function loadMetrics() {
  const observe = await import('./observe/metrics.ts')
  return observe.createMetrics()
}
