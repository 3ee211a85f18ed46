import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { portOf } from './net.ts'

const LOOK_MS = 100

/**
 * A simple load balancer: it gives connections in turn to the replicas whose `/ready` answers 200, and to the
 * next one when a replica refuses. It never sends data twice.
 */
export async function createBalancer(urls: string[] = []) {
  const replicas = new Map(urls.map((url) => [url, { ready: true, connections: 0 }]))
  const sockets = new Set<Socket>()
  let turn = 0

  function route(inbound: Socket, refused: string[] = []) {
    const open = [...replicas].filter(([url, { ready }]) => ready && !refused.includes(url))
    const [url, replica] = open[turn++ % open.length] ?? []
    if (!url || !replica) return inbound.destroy()
    const outbound = connect(Number(new URL(url).port), '127.0.0.1')
    const onRefused = () => route(inbound, [...refused, url])
    outbound.once('error', onRefused)
    outbound.once('connect', () => {
      outbound.off('error', onRefused)
      replica.connections++
      inbound.pipe(outbound).pipe(inbound)
      for (const [socket, other] of [
        [inbound, outbound],
        [outbound, inbound],
      ] as const) {
        sockets.add(socket)
        socket.on('error', () => other.destroy())
        socket.on('close', () => sockets.delete(socket) && other.destroy())
      }
    })
    return undefined
  }

  async function look() {
    const asked = [...replicas].map(async ([url, replica]) => {
      const response = await fetch(`${url}/ready`, { keepalive: false }).catch(() => null)
      replica.ready = response?.status === 200
      await response?.body?.cancel()
    })
    await Promise.all(asked)
  }
  const timer = setInterval(() => void look(), LOOK_MS)

  const server = createServer((inbound) => {
    // A client may reset its connection before a replica has it.
    inbound.on('error', () => {})
    route(inbound)
  }).listen(0, '127.0.0.1')
  return {
    url: `http://127.0.0.1:${await portOf(server)}`,
    add: (url: string) => replicas.set(url, { ready: false, connections: 0 }),
    remove: (url: string) => replicas.delete(url),
    /** The number of connections that each replica has had. */
    connections: () => Object.fromEntries([...replicas].map(([url, { connections }]) => [url, connections])),
    async close() {
      clearInterval(timer)
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
