import type { Command } from 'commander'
import { createPrivateSecret, createSymmetricSecret, toPublicKey } from '../../webhooks/signature.ts'

/** The command that makes a secret for `WEBHOOK_SECRETS`. */
export function addWebhookKeyCommand(program: Command) {
  program
    .command('webhook-key')
    .summary('create secrets for webhooks')
    .description('Creates secrets for webhooks.')
    .command('create')
    .summary('create a secret, which is shown once')
    .description(
      'Creates a secret for WEBHOOK_SECRETS. With --public, receivers verify with a public key (v1a), otherwise with the' +
        ' same secret (v1). It is stored nowhere.',
    )
    .option('--public', 'create an Ed25519 key, whose public half receivers verify with')
    .action(printWebhookKey)
}

function printWebhookKey({ public: isPublic }: { public?: true }) {
  const secret = isPublic ? createPrivateSecret() : createSymmetricSecret()
  const verifies = isPublic
    ? `Receivers verify with the public key:\n\n  ${toPublicKey(secret)}`
    : 'Receivers need the same secret.'
  console.log(`Add this secret to WEBHOOK_SECRETS of every server, separated from others by a comma, and restart them:

  ${secret}

${verifies}
To replace a secret, list both until every receiver has the new one.`)
}
