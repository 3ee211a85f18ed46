import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A TCP proxy in front of the database that can misbehave as networks and databases do. */
export async function createProxy(target: string) {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let state: 'open' | 'closed' | 'frozen' = 'open'
  let deaf = false

  const server = createServer((inbound) => {
    if (state === 'closed') return inbound.destroy()
    const outbound = connect(Number(port), hostname)
    for (const [from, to] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      sockets.add(from)
      const filter = from === outbound ? withoutNotifications() : (data: Buffer) => data
      from.on('data', (data: Buffer) => state !== 'frozen' && to.write(deaf ? filter(data) : data))
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
    /** Withholds notifications, as a pooler does that lends connections by the transaction. */
    withholdNotifications() {
      deaf = true
    },
    restore() {
      if (state === 'frozen') drop()
      state = 'open'
    },
    async close() {
      drop()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Takes the messages of type `A` out of what PostgreSQL sends: a letter, a length that counts itself, a body. */
function withoutNotifications() {
  let rest: Buffer = Buffer.alloc(0)
  return (data: Buffer) => {
    rest = Buffer.concat([rest, data])
    const kept = []
    while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
      const message = rest.subarray(0, 1 + rest.readUInt32BE(1))
      if (message[0] !== 'A'.charCodeAt(0)) kept.push(message)
      rest = rest.subarray(message.length)
    }
    return Buffer.concat(kept)
  }
}
