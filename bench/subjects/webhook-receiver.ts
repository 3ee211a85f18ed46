import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSymmetricSecret } from '../../src/webhooks/signature.ts'
import type { Bench } from '../rig/bench.ts'
import { setUpServauth } from './servauth.ts'

/** A receiver in this process, which counts what it gets. */
export function openReceiver() {
  let count = 0
  const receiver = createServer((request, response) => {
    request.resume().on('end', () => {
      count++
      response.writeHead(204).end()
    })
  })
  receiver.listen(0, '127.0.0.1').unref()
  const { port } = receiver.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/`, count: () => count, close: () => void receiver.close() }
}

/** Prepares Servauth with a webhook and its receiver. */
export async function setUpWebhook(bench: Bench, database: string) {
  const { url, count, close } = openReceiver()
  const prepared = await setUpServauth(bench, database)
  const { server } = prepared
  // In development, a receiver may be on this machine and without TLS.
  const env = {
    ...server.env,
    NODE_ENV: 'development',
    LOG_LEVEL: 'error',
    WEBHOOKS: url,
    WEBHOOK_SECRETS: createSymmetricSecret(),
  }
  return { ...prepared, server: { ...server, env }, count, close }
}
