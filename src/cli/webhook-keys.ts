import { createPrivateSecret, createSymmetricSecret, toPublicKey } from '../webhooks/signature.ts'

/** Prints a new secret for `WEBHOOK_SECRETS`. */
export function createWebhookKey({ public: isPublic }: { public?: true }) {
  const secret = isPublic ? createPrivateSecret() : createSymmetricSecret()
  const verifies = isPublic
    ? `Receivers verify with the public key:\n\n  ${toPublicKey(secret)}`
    : 'Receivers need the same secret.'
  console.log(`Add this secret to WEBHOOK_SECRETS of every server, separated from others by a comma, and restart them:

  ${secret}

${verifies}
To replace a secret, list both until every receiver has the new one.`)
}
