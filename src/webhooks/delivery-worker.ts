import type { Logger } from 'pino'
import type { Db } from '../db/client.ts'
import { startWorker } from '../worker.ts'
import { createDeliveries, type Delivery } from './deliveries.ts'
import type { Sender } from './sender.ts'
import type { Signer } from './signature.ts'
import { DeliveryFault } from './target.ts'

/** How many deliveries to one webhook run at once, in each process. */
export const MAX_CONCURRENT = 32
const POLL_MS = 250
/** After this many failures in a row the receiver is considered away. */
const FAILURES_UNTIL_PAUSE = 5
const MAX_PAUSE_MS = 30_000

export type Webhook = { id: string; url: string; signers: readonly Signer[] }

type Parts = { db: Db; log: Logger; sender: Sender; webhook: Webhook }

/**
 * Delivers the events of one webhook at least once, and those of each user in order. While the receiver is away, only one
 * delivery at a time finds out whether it is back, with growing pauses.
 */
export function startDeliveryWorker({ db, log, sender, webhook }: Parts) {
  const deliveries = createDeliveries(db)
  let failures = 0
  let pausedUntilMs = 0

  async function take(count: number) {
    const isAway = failures >= FAILURES_UNTIL_PAUSE
    if (!isAway) return deliveries.take(webhook.id, count)
    if (performance.now() < pausedUntilMs || count < MAX_CONCURRENT) return []
    return deliveries.take(webhook.id, 1)
  }

  async function deliver(delivery: Delivery) {
    const { webhookId, eventId, attempts } = delivery
    const result = await attempt(delivery)
    const isDelivered = /^2\d\d$/.test(result)
    if (isDelivered) failures = 0
    else noteFailure(result)
    await deliveries.finish({ webhookId, eventId, attempts, isDelivered, result })
  }

  async function attempt({ messageId, type, userId, data, at, leasedAt }: Delivery) {
    const body = JSON.stringify({ type, timestamp: at.toISOString(), data: { userId, ...data } })
    const id = `msg_${messageId}`
    const timestamp = String(Math.floor(leasedAt.getTime() / 1000))
    const signature = webhook.signers.map((sign) => sign(`${id}.${timestamp}.${body}`)).join(' ')
    try {
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'Servauth',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': signature,
      }
      return String(await sender.send(webhook.url, headers, body))
    } catch (fault) {
      if (!(fault instanceof DeliveryFault)) throw fault
      return fault.message
    }
  }

  function noteFailure(result: string) {
    failures++
    if (failures < FAILURES_UNTIL_PAUSE) return
    pausedUntilMs = performance.now() + Math.min(1000 * 2 ** (failures - FAILURES_UNTIL_PAUSE), MAX_PAUSE_MS)
    if (failures === FAILURES_UNTIL_PAUSE) {
      log.warn({ webhook: webhook.id, result }, 'a webhook cannot be reached: its events wait')
    }
  }

  return startWorker({
    max: MAX_CONCURRENT,
    pollMs: POLL_MS,
    take,
    work: deliver,
    onTakeFailed: (err) => log.warn({ err }, 'the deliveries of webhooks cannot be read'),
  })
}
