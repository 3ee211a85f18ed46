import { and, isNotNull, isNull } from 'drizzle-orm'
import type { Logger } from 'pino'
import { type Changes, WATCH_MS } from '../db/changes/changes.ts'
import type { Db } from '../db/client.ts'
import { webhooks } from '../db/schema/webhooks.ts'
import type { Env } from '../env.ts'
import { createFailureReport } from '../worker.ts'
import type { DeliveryWorker } from './delivery-worker.ts'
import { type SealedSecrets, toWebhookId } from './stored.ts'
import type { TargetSettings } from './target.ts'

/** How soon a change of the table is noticed. */
const CHECK_MS = 250
/** It is certain with a proof that is no older. A thread that rests gives one about once a second. */
const MAX_AGE_MS = 3 * WATCH_MS
/** How often the table is read while it is not certain that every change is announced. */
const UNCERTAIN_MS = 1000

type Options = {
  db: Db
  changes: Changes
  log: Logger
  settings: TargetSettings & Pick<Env, 'WEBHOOKS'>
  openSecrets: (row: SealedSecrets) => readonly string[]
}

/**
 * Keeps a worker for each webhook that is enabled, in the settings or by administration. Create it before `changes` starts.
 * Without a webhook it reads the table once, and loads no code of workers.
 */
export function createWebhooks({ db, changes, log, settings, openSecrets }: Options) {
  const ofSettings = new Set(settings.WEBHOOKS.map(toWebhookId))
  const workers = new Map<string, DeliveryWorker>()
  const failure = createFailureReport((err) => log.warn({ err }, 'the webhooks cannot be read'))
  let isOutdated = true
  let readAtMs = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  changes.subscribe({
    onChange: () => {},
    onGap: () => {
      isOutdated = true
    },
  })

  async function readWebhooks() {
    isOutdated = false
    readAtMs = performance.now()
    const rows = await db
      .select({ id: webhooks.id, secrets: webhooks.secrets })
      .from(webhooks)
      .where(and(isNotNull(webhooks.url), isNull(webhooks.disabledAt)))
    // One of the settings of another replica has secrets that this one does not know.
    const ids = rows.filter(({ id, secrets }) => secrets !== null || ofSettings.has(id)).map(({ id }) => id)
    for (const [id, worker] of workers) {
      if (ids.includes(id)) continue
      workers.delete(id)
      void worker.stop()
    }
    for (const id of ids) if (!workers.has(id)) await start(id)
  }

  async function start(webhookId: string) {
    const { startDeliveryWorker } = await import('./delivery-worker.ts')
    if (!isStopped) workers.set(webhookId, startDeliveryWorker({ db, log, settings, openSecrets, webhookId }))
  }

  function readOnce() {
    reading ??= readWebhooks()
      .then(failure.end, (err: unknown) => {
        isOutdated = true
        failure.report(err)
      })
      .finally(() => {
        reading = undefined
      })
    return reading
  }

  function check() {
    // First, because it takes in changes. Not `isCurrent`, which would never let the thread rest.
    const isCertain = changes.ageMs() < MAX_AGE_MS
    const isDue = performance.now() - readAtMs >= UNCERTAIN_MS
    if (isCertain ? isOutdated : isDue) void readOnce()
  }

  return {
    async start() {
      await readOnce()
      timer = setInterval(check, CHECK_MS).unref()
    },
    /** Makes all workers look for due events now. */
    wake() {
      for (const worker of workers.values()) worker.wake()
    },
    async stop() {
      isStopped = true
      clearInterval(timer)
      await reading
      await Promise.all([...workers.values()].map((worker) => worker.stop()))
    },
  }
}
