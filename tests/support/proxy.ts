import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A TCP proxy in front of the database that can misbehave as networks and databases do. */
export async function createProxy(target: string) {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let state: 'open' | 'closed' | 'frozen' = 'open'
  let delayMs = 0

  const server = createServer((inbound) => {
    if (state === 'closed') return inbound.destroy()
    const outbound = connect(Number(port), hostname)
    for (const [from, to] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      sockets.add(from)
      let passed = Promise.resolve()
      from.on('data', (data) => {
        if (state === 'frozen') return
        const due = performance.now() + delayMs
        passed = passed.then(async () => {
          if (delayMs > 0) await new Promise((done) => setTimeout(done, due - performance.now()))
          if (state !== 'frozen') to.write(data)
        })
      })
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
    return undefined
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = new URL(target)
  url.port = String(typeof address === 'object' && address?.port)

  const drop = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: url.href,
    /** Cuts every connection and refuses new ones. */
    cut() {
      state = 'closed'
      drop()
    },
    /** Leaves connections open and lets nothing through; what is sent is lost. */
    freeze() {
      state = 'frozen'
    },
    /** Lets everything through late, each way. */
    delay(ms: number) {
      delayMs = ms
    },
    restore() {
      if (state === 'frozen' || delayMs > 0) drop()
      state = 'open'
      delayMs = 0
    },
    async close() {
      drop()
      server.close()
      await once(server, 'close')
    },
  }
}
