import type { Act } from '../../contract/administrator.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { WebhookDelivery } from '../../contract/outputs/administration/webhook.ts'
import { TEST_TYPE } from '../../contract/webhook-types.ts'
import { invalid } from '../../errors.ts'
import type { SealedSecrets } from '../../webhooks/stored.ts'
import { createTargetFinder, type TargetSettings } from '../../webhooks/target.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordAdministration } from '../events/administration-events.ts'
import { describeWebhook, findWebhook } from './managed-webhooks.ts'
import { readDelivery } from './shown-deliveries.ts'

type Parts = Pick<Dependencies, 'db' | 'webhookSecrets'> & { settings: TargetSettings }

/** Sends an event to a webhook while the caller waits. The event and its result are kept like every other. */
export function createWebhookTest({ db, webhookSecrets, settings }: Parts) {
  return async function testWebhook({ id }: InputOf<'testWebhook'>, act: Act): Promise<WebhookDelivery> {
    // Loaded when it is needed first, as for the workers.
    const [{ attempt, isSuccess }, { createDeliveries }, { createSender }, { createSigner }] =
      await Promise.all([
        import('../../webhooks/attempt.ts'),
        import('../../webhooks/deliveries.ts'),
        import('../../webhooks/sender.ts'),
        import('../../webhooks/signature.ts'),
      ])
    const deliveries = createDeliveries(db)
    const { url, secrets, delivery } = await db.transaction(async (tx) => {
      const webhook = await findWebhook(tx, id)
      await act.administrator.assertCurrent(tx)
      const secrets = webhookSecrets.open(webhook)
      if (secrets.length === 0) throw invalid('id', withoutSecret(webhook))
      await recordAdministration(tx, 'webhook_tested', { detail: describeWebhook(id, webhook.url) }, act)
      return { url: webhook.url, secrets, delivery: await deliveries.begin(tx, id, TEST_TYPE) }
    })
    const sender = createSender({ findTarget: createTargetFinder(settings), maxConnections: 1 })
    try {
      const result = await attempt(sender, { url, signers: secrets.map(createSigner) }, delivery)
      await deliveries.finish({ ...delivery, isDelivered: isSuccess(result), result })
    } finally {
      sender.close()
    }
    return readDelivery(db, delivery)
  }
}

/** One that the settings had before, or those of another replica; or one whose secret `AUTH_SECRET` does not decrypt. */
const withoutSecret = ({ secrets }: SealedSecrets) =>
  secrets === null
    ? 'Is a webhook of the settings that has no secret here.'
    : 'AUTH_SECRET does not decrypt its secret. Create a new one with putWebhook.'
