import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSymmetricSecret } from '../../src/webhooks/signature.ts'
import type { Bench } from '../rig/bench.ts'
import { setUpServauth } from './servauth.ts'

/** Prepares Servauth with a webhook, whose receiver runs in this process and counts what it gets. */
export async function setUpWebhook(bench: Bench, database: string) {
  let count = 0
  const receiver = createServer((request, response) => {
    request.resume().on('end', () => {
      count++
      response.writeHead(204).end()
    })
  })
  receiver.listen(0, '127.0.0.1').unref()
  const { port } = receiver.address() as AddressInfo
  const prepared = await setUpServauth(bench, database)
  const { server } = prepared
  // In development, a receiver may be on this machine and without TLS.
  const env = {
    ...server.env,
    NODE_ENV: 'development',
    LOG_LEVEL: 'error',
    WEBHOOKS: `http://127.0.0.1:${port}/`,
    WEBHOOK_SECRETS: createSymmetricSecret(),
  }
  return { ...prepared, server: { ...server, env }, count: () => count, close: () => receiver.close() }
}
