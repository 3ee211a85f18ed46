import type { Logger } from 'pino'
import type { Db } from '../db/client.ts'
import type { Env } from '../env.ts'
import { MAX_CONCURRENT, startDeliveryWorker } from './delivery-worker.ts'
import { createSender } from './sender.ts'
import { createSigner } from './signature.ts'
import { toWebhookId } from './stored.ts'
import { createTargetFinder } from './target.ts'

type Settings = Pick<Env, 'NODE_ENV' | 'WEBHOOKS' | 'WEBHOOK_SECRETS' | 'WEBHOOK_NETWORKS'>

/** Starts a worker for each webhook of the settings. */
export function startWebhooks(db: Db, log: Logger, settings: Settings) {
  const findTarget = createTargetFinder({
    networks: settings.WEBHOOK_NETWORKS,
    allowsPrivate: settings.NODE_ENV !== 'production',
  })
  const sender = createSender({ findTarget, maxConnections: MAX_CONCURRENT })
  const signers = settings.WEBHOOK_SECRETS.map(createSigner)
  const workers = settings.WEBHOOKS.map((url) =>
    startDeliveryWorker({ db, log, sender, webhook: { id: toWebhookId(url), url, signers } }),
  )
  return {
    wake() {
      for (const worker of workers) worker.wake()
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()))
      sender.close()
    },
  }
}
