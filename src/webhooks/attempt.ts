import type { Delivery } from './deliveries.ts'
import { toMessageId } from './message-id.ts'
import type { Sender } from './sender.ts'
import type { Signer } from './signature.ts'
import { DeliveryFault } from './target.ts'

/** The status of an answer that disables a webhook, as Standard Webhooks says ("Webhook request and response"). */
export const GONE = '410'

export const isSuccess = (result: string) => /^2\d\d$/.test(result)

/** Signs an event and sends it. @returns the status of the answer, or why there is none */
export async function attempt(
  sender: Sender,
  { url, signers }: { url: string; signers: readonly Signer[] },
  delivery: Delivery,
) {
  const { messageId, type, userId, data, at, leasedAt } = delivery
  const body = JSON.stringify({ type, timestamp: at.toISOString(), data: { userId, ...data } })
  const id = toMessageId(messageId)
  const timestamp = String(Math.floor(leasedAt.getTime() / 1000))
  const signature = signers.map((sign) => sign(`${id}.${timestamp}.${body}`)).join(' ')
  try {
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Servauth',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signature,
    }
    return String(await sender.send(url, headers, body))
  } catch (fault) {
    if (!(fault instanceof DeliveryFault)) throw fault
    return fault.message
  }
}
