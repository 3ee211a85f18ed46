import { randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'

const [url = '', secret = '', count = '0'] = process.argv.slice(2)
/** As many as a worker of Servauth for one webhook. */
const AT_ONCE = 32
const webhook = new Webhook(secret)
let left = Number(count)

/** Signs and posts bodies like those of Servauth, one after the other, without a database. */
async function postAll() {
  while (left-- > 0) {
    const id = `msg_${randomUUID()}`
    const at = new Date()
    const data = { userId: randomUUID(), changed: ['username'] }
    const body = JSON.stringify({ type: 'user.updated', timestamp: at.toISOString(), data })
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': webhook.sign(id, at, body),
    }
    const { status } = await fetch(url, { method: 'POST', headers, body })
    if (status !== 204) throw new Error(`The receiver answered with ${status}`)
  }
}

const began = performance.now()
const before = process.cpuUsage()
await Promise.all(Array.from({ length: AT_ONCE }, postAll))
const { user, system } = process.cpuUsage(before)
const seconds = (performance.now() - began) / 1000
process.stdout.write(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6 }))
