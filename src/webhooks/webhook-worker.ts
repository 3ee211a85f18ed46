import type { Logger } from 'pino'
import type { Db } from '../db/client.ts'
import { MAX_CONCURRENT, startDeliveryWorker } from './delivery-worker.ts'
import { createSender } from './sender.ts'
import type { SealedSecrets } from './stored.ts'
import { createTargetFinder, type TargetSettings } from './target.ts'

export type WebhookWorker = ReturnType<typeof startWebhookWorker>

type Options = {
  db: Db
  log: Logger
  settings: TargetSettings
  openSecrets: (row: SealedSecrets) => readonly string[]
  webhookId: string
}

/** A worker with connections of its own, so that a receiver that does not answer delays no other on the same host. */
export function startWebhookWorker({ settings, ...parts }: Options) {
  const sender = createSender({ findTarget: createTargetFinder(settings), maxConnections: MAX_CONCURRENT })
  const worker = startDeliveryWorker({ ...parts, sender })
  return { wake: worker.wake, stop: () => worker.stop().finally(sender.close) }
}
