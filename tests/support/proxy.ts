import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { portOf } from './net.ts'

/**
 * A TCP proxy in front of the database that can misbehave as networks and databases do. With `only`, it
 * misbehaves on those connections alone on which a client sent matching text.
 */
export async function createProxy(target: string, only?: RegExp) {
  let { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const affected = new Set<Socket>()
  let state: 'open' | 'closed' | 'frozen' = 'open'
  let delayMs = 0
  let deaf = false
  let onNotice: ((text: string) => void) | undefined
  let countdown: { left: number; direction: 'sent' | 'answered' } | undefined

  const server = createServer((inbound) => {
    if (state === 'closed' && !only) return inbound.destroy()
    let isAffected = !only
    const outbound = connect(Number(port), hostname)
    for (const [from, to] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      sockets.add(from)
      const cut = messages()
      from.on('data', (raw: Buffer) => {
        if (!isAffected && from === inbound && only?.test(raw.toString('latin1'))) isAffected = true
        if (isAffected) affected.add(from)
        if (countdown && (from === inbound) === (countdown.direction === 'sent') && --countdown.left === 0) {
          from.destroy()
          to.destroy()
          return
        }
        const sent = from === outbound && (deaf || onNotice) ? cut(raw) : undefined
        for (const message of sent ?? []) if (kindOf(message) === 'N') onNotice?.(textOf(message))
        const data = sent && deaf ? Buffer.concat(sent.filter((message) => kindOf(message) !== 'A')) : raw
        if (!isAffected) to.write(data)
        else if (state === 'closed') from.destroy()
        else if (state === 'open')
          delayMs === 0 ? to.write(data) : setTimeout(() => to.destroyed || to.write(data), delayMs)
      })
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        affected.delete(from)
        to.destroy()
      })
    }
    return undefined
  }).listen(0, '127.0.0.1')
  const url = new URL(target)
  url.port = String(await portOf(server))

  const drop = (which = only ? affected : sockets) => {
    for (const socket of which) socket.destroy()
  }
  return {
    url: url.href,
    /** Forwards to another address from now on. */
    moveTo(other: string) {
      ;({ hostname, port } = new URL(other))
    },
    /** Cuts every connection and refuses new ones. */
    cut() {
      state = 'closed'
      drop()
    },
    /** Cuts the connection on which, from now on, the given piece of data travels in a direction. The piece is lost. */
    cutAt(piece: number, direction: 'sent' | 'answered') {
      const own = { left: piece, direction }
      countdown = own
      return {
        /** @returns whether a connection was cut */
        end() {
          countdown = undefined
          return own.left <= 0
        },
      }
    },
    /** Leaves connections open and forwards nothing; the data is lost. */
    freeze() {
      state = 'frozen'
    },
    /** Delays everything, in each direction. */
    slow(ms: number) {
      delayMs = ms
    },
    /** Withholds notifications, as a pooler in transaction mode does. */
    withholdNotifications() {
      deaf = true
    },
    /** Listens to the notices of the database, such as plans, on connections that are made after this. */
    hearNotices(listener: (text: string) => void) {
      onNotice = listener
    },
    restore() {
      // New data without the delay would overtake the data that is still delayed.
      if (state === 'frozen' || (delayMs > 0 && !only)) drop()
      state = 'open'
      delayMs = 0
    },
    async close() {
      drop(sockets)
      server.close()
      await once(server, 'close')
    },
  }
}

/** Cuts what PostgreSQL sends into its messages: a letter, a length that counts itself, a body. */
function messages() {
  let rest: Buffer = Buffer.alloc(0)
  return (data: Buffer) => {
    rest = Buffer.concat([rest, data])
    const whole = []
    while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
      const message = rest.subarray(0, 1 + rest.readUInt32BE(1))
      whole.push(message)
      rest = rest.subarray(message.length)
    }
    return whole
  }
}

const kindOf = (message: Buffer) => String.fromCharCode(message[0] ?? 0)

/** The field `M` of a notice; each field is a letter and a text that ends with a zero. */
function textOf(notice: Buffer) {
  const fields = notice.toString('utf8', 5).split('\0')
  return fields.find((field) => field.startsWith('M'))?.slice(1) ?? ''
}
