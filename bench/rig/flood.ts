import { connect } from 'node:net'

/** Sends requests that are never repeated, each connection one at a time. @returns how many answers had which status */
export async function flood(port: number, requests: Iterator<string>, connections = 64) {
  const statuses = new Map<string, number>()
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      const send = () => {
        const { value, done } = requests.next()
        if (done) socket.end()
        else socket.write(value)
      }
      socket.on('connect', send)
      socket.on('data', (data) => {
        // An answer may come in several parts.
        const start = data.toString('latin1', 0, 12)
        if (!start.startsWith('HTTP/1.1 ')) return
        const status = start.slice('HTTP/1.1 '.length)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        send()
      })
      socket.on('error', reject)
      socket.on('close', () => resolve())
    })
  await Promise.all(Array.from({ length: connections }, one))
  return statuses
}
