import { connect } from 'node:net'

/**
 * Sends requests that are never repeated, each connection one at a time, and costs less than `wrk` with a script.
 * @returns how many milliseconds the answers took, by their status
 */
export async function flood(port: number, requests: Iterator<string>, connections = 64) {
  const times = new Map<string, number[]>()
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      let sentAt = 0
      const send = () => {
        const { value, done } = requests.next()
        sentAt = performance.now()
        if (done) socket.end()
        else socket.write(value)
      }
      socket.on('connect', send)
      socket.on('data', (data) => {
        // An answer may come in several parts.
        const start = data.toString('latin1', 0, 12)
        if (!start.startsWith('HTTP/1.1 ')) return
        const status = start.slice('HTTP/1.1 '.length)
        const ofStatus = times.get(status) ?? []
        times.set(status, ofStatus)
        ofStatus.push(performance.now() - sentAt)
        send()
      })
      socket.on('error', reject)
      socket.on('close', () => resolve())
    })
  await Promise.all(Array.from({ length: connections }, one))
  return times
}

/** @param part such as 0.95 for the p95 */
export const percentile = (values: number[], part: number) =>
  values.sort((one, other) => one - other)[Math.floor(values.length * part)] ?? Number.NaN

/** All requests again and again, until the time is over. */
export function* repeat(requests: string[], seconds: number) {
  const end = performance.now() + seconds * 1000
  for (let index = 0; performance.now() < end; index++) yield requests[index % requests.length] as string
}
