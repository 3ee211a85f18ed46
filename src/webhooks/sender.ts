import {
  type ClientRequest,
  Agent as HttpAgent,
  type RequestOptions,
  request as requestHttp,
} from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { type Address, DeliveryFault } from './target.ts'

/** How long a delivery may take, with the look-up of the name and the answer. */
export const MAX_DELIVERY_MS = 10_000
/**
 * How much of an answer is read, from the first byte of its connection on: also interim answers such as 100, of which a
 * receiver can send any number. It is thrown away, so that the connection can be used again.
 */
const MAX_ANSWER_BYTES = 64 * 1024

type Options = {
  findTarget: (hostname: string) => Promise<Address>
  maxConnections: number
  /** Further authorities of certificates, for tests. */
  ca?: string
}

export type Sender = ReturnType<typeof createSender>

/** Sends by POST, to the address that was checked, and follows no redirect. */
export function createSender({ findTarget, maxConnections, ca }: Options) {
  const pool = { keepAlive: true, maxSockets: maxConnections }
  const agents = { 'http:': new HttpAgent(pool), 'https:': new HttpsAgent({ ...pool, ...(ca && { ca }) }) }

  /** @returns the status of the answer. @throws a fault with a short reason if there is none in time */
  async function send(url: string, headers: Record<string, string>, body: string): Promise<number> {
    const { protocol = '', hostname = '' } = URL.parse(url) ?? {}
    // As after a change by SQL.
    if (!/^https?:$/.test(protocol)) throw new DeliveryFault('the URL is not valid')
    const isSecure = protocol === 'https:'
    let isLate = false
    let end = () => {}
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        isLate = true
        reject(noAnswer())
        end()
      }, MAX_DELIVERY_MS)
    })
    const stopTimer = () => clearTimeout(timer)

    async function request() {
      const target = await findTarget(hostname)
      // The receiver's name server can answer after the time is up. Then nothing would end the request.
      if (isLate) throw noAnswer()
      const options: RequestOptions = {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        agent: agents[isSecure ? 'https:' : 'http:'],
        // The name stays in SNI, in the check of the certificate and in Host.
        lookup: (_name, { all }, callback) => {
          const done = callback as (fault: null, found: Address[] | string, family?: number) => void
          if (all) done(null, [target])
          else done(null, target.address, target.family)
        },
      }
      return new Promise<number>((resolve, reject) => {
        const open = isSecure ? requestHttps : requestHttp
        const outgoing = open(url, options, (incoming) => {
          resolve(incoming.statusCode ?? 0)
          // The time also bounds an answer that does not end.
          incoming
            .on('error', () => {})
            .on('close', stopTimer)
            .resume()
        })
        limitAnswer(outgoing, () => reject(new DeliveryFault('the answer is too long')))
        outgoing.on('error', (fault: NodeJS.ErrnoException) => reject(new DeliveryFault(describe(fault))))
        end = () => outgoing.destroy()
        outgoing.end(body)
      })
    }

    return Promise.race([request(), timeout]).catch((fault: unknown) => {
      stopTimer()
      throw fault
    })
  }

  return {
    send,
    close() {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

const noAnswer = () => new DeliveryFault('no answer in time')

/** A receiver must not fill our memory, and nothing that it says is kept. */
function limitAnswer(outgoing: ClientRequest, onExceeded: () => void) {
  let bytes = 0
  outgoing.once('socket', (socket) => {
    function count(chunk: Buffer) {
      bytes += chunk.length
      if (bytes <= MAX_ANSWER_BYTES) return
      onExceeded()
      outgoing.destroy()
    }
    socket.on('data', count)
    outgoing.once('close', () => socket.off('data', count))
  })
}

/** Only the code: a message can contain a part of the URL. */
const describe = ({ code = 'no connection' }: NodeJS.ErrnoException) => code.slice(0, 50)
