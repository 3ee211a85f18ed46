import { Toggle } from './kinds/choice.ts'
import { parseUrl } from './kinds/host.ts'
import { kind, listOf, refuse } from './kinds/kind.ts'
import { parseNetwork } from './kinds/network.ts'
import { secretFile } from './kinds/secret.ts'

const MAX_SECRETS = 4

/** Where events are sent. */
export const webhookSettings = {
  WEBHOOKS: listOf(parseReceiver).default([]),
  WEBHOOK_SECRETS: kind(parseSecrets).optional(),
  WEBHOOK_SECRETS_FILE: secretFile(parseSecrets).optional(),
  WEBHOOK_NETWORKS: listOf(parseNetwork).prefault(''),
  EVENT_PULL: Toggle.default(false),
}

function parseReceiver(text: string) {
  return toReceiverUrl(text) ?? refuse(`must be ${RECEIVER}`)
}

/** The sentence of a URL that cannot be one of a receiver. */
export const RECEIVER = 'an https URL without a user, such as https://example.com/hooks/servauth'

/** @returns the URL in its normal form; undefined if it cannot be one of a receiver */
export function toReceiverUrl(text: string) {
  const url = parseUrl(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.hash) return undefined
  return url.href
}

function parseSecrets(text: string) {
  const secrets = text.split(/[\s,]+/).filter(Boolean)
  if (secrets.length === 0 || secrets.length > MAX_SECRETS)
    refuse(`must be 1 to ${MAX_SECRETS} secrets, separated by commas`)
  if (!secrets.every((secret) => WEBHOOK_SECRET.test(secret))) {
    refuse('must be secrets of Standard Webhooks; make one with: servauth webhook-key create')
  }
  return secrets
}

/** 24 to 64 bytes in base64 for `v1`; the seed of an Ed25519 key, or the seed and its public key, for `v1a`. */
export const WEBHOOK_SECRET =
  /^(whsec_(?=[^=]{32,86}=*$)([A-Za-z\d+/]{4})+([A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?|whsk_([A-Za-z\d+/]{43}=|[A-Za-z\d+/]{86}==))$/
