import type { Logger } from 'pino'
import type { Db } from '../db/client.ts'
import { startWorker } from '../worker.ts'
import { attempt, GONE, isSuccess } from './attempt.ts'
import { createDeliveries, type LeasedDelivery } from './deliveries.ts'
import { createSender } from './sender.ts'
import { createSigner, type Signer } from './signature.ts'
import { disableGone, type SealedSecrets } from './stored.ts'
import { createTargetFinder, type TargetSettings } from './target.ts'

/** How many deliveries to one webhook run at once, in each process. */
export const MAX_CONCURRENT = 32
const POLL_MS = 250
/** After this many failures in a row the receiver is considered away. */
const FAILURES_UNTIL_PAUSE = 5
const MAX_PAUSE_MS = 30_000

export type DeliveryWorker = ReturnType<typeof startDeliveryWorker>

type Options = {
  db: Db
  log: Logger
  settings: TargetSettings
  webhookId: string
  openSecrets: (row: SealedSecrets) => readonly string[]
}

/**
 * Delivers the events of one webhook at least once, and those of each user in order. While the receiver is away, only one
 * delivery at a time finds out whether it is back, with growing pauses. The worker has connections of its own, so that a
 * receiver that does not answer delays no other on the same host.
 */
export function startDeliveryWorker({ db, log, settings, webhookId, openSecrets }: Options) {
  const deliveries = createDeliveries(db)
  const sender = createSender({ findTarget: createTargetFinder(settings), maxConnections: MAX_CONCURRENT })
  let failures = 0
  let pausedUntilMs = 0
  let known: { sealed: string | null; signers: readonly Signer[] } | undefined

  async function take(count: number) {
    const isAway = failures >= FAILURES_UNTIL_PAUSE
    if (!isAway) return deliveries.take(webhookId, count)
    if (performance.now() < pausedUntilMs || count < MAX_CONCURRENT) return []
    return deliveries.take(webhookId, 1)
  }

  async function deliver(delivery: LeasedDelivery) {
    const result = await send(delivery)
    const isDelivered = isSuccess(result)
    if (isDelivered) failures = 0
    else countFailure(result)
    if (result === GONE) await disable(delivery)
    await deliveries.finish({ ...delivery, isDelivered, result })
  }

  async function send({ url, secrets, ...delivery }: LeasedDelivery) {
    if (!known || known.sealed !== secrets) {
      known = { sealed: secrets, signers: openSecrets({ id: webhookId, secrets }).map(createSigner) }
    }
    if (known.signers.length === 0) return 'there is no secret to sign with'
    return attempt(sender, { url, signers: known.signers }, delivery)
  }

  async function disable(delivery: LeasedDelivery) {
    if (await disableGone(db, delivery)) {
      log.warn({ webhook: webhookId }, 'a webhook is disabled, because its receiver answered 410')
    }
  }

  function countFailure(result: string) {
    failures++
    if (failures < FAILURES_UNTIL_PAUSE) return
    pausedUntilMs = performance.now() + Math.min(1000 * 2 ** (failures - FAILURES_UNTIL_PAUSE), MAX_PAUSE_MS)
    if (failures === FAILURES_UNTIL_PAUSE) {
      log.warn({ webhook: webhookId, result }, 'a webhook cannot be reached: its events wait')
    }
  }

  const worker = startWorker({
    max: MAX_CONCURRENT,
    pollMs: POLL_MS,
    take,
    work: deliver,
    onTakeFailed: (err) => log.warn({ err }, 'the deliveries of webhooks cannot be read'),
  })
  return { wake: worker.wake, stop: () => worker.stop().finally(sender.close) }
}
