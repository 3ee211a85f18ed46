import type { WebhookSecretKind } from '../../contract/outputs/administration/webhook.ts'
import {
  createPrivateSecret,
  createSymmetricSecret,
  hasPublicKey,
  toPublicKey,
} from '../../webhooks/signature.ts'
import type { SealedSecrets } from '../../webhooks/stored.ts'
import type { Encryption } from '../keys/encryption.ts'

/** How many secrets of a webhook sign at once, so that one can replace the other. */
export const MAX_SECRETS = 2

/** The secrets of webhooks: encrypted in the table, or in the settings. */
export function createWebhookSecrets(encryption: Encryption, ofSettings: readonly string[]) {
  return {
    seal: (id: string, secrets: readonly string[]) => encryption.encrypt(secrets.join(' '), id),
    /** The newest is first. None if `AUTH_SECRET` does not decrypt them, or if the settings have none. */
    open: ({ id, secrets }: SealedSecrets): readonly string[] =>
      secrets === null ? ofSettings : (encryption.decrypt(secrets, id)?.text.split(' ') ?? []),
  }
}

export const createSecret = (kind: WebhookSecretKind) =>
  kind === 'HMAC' ? createSymmetricSecret() : createPrivateSecret()

/** What administrators see of a secret. */
export const toShownSecret = (secret: string) =>
  hasPublicKey(secret)
    ? { kind: 'ED25519' as const, publicKey: toPublicKey(secret) }
    : { kind: 'HMAC' as const, publicKey: null }
