import { createDeadline } from '../deadline.ts'
import { isLocal } from '../env.ts'
import type { Message } from './messages.ts'

/** How many mails can be on their way at once. */
export const CONNECTIONS = 5

const TIMEOUT_MS = 10_000
/** For a whole mail: a server that answers each step late must not outlast the lease of the worker. */
const MAIL_MS = 40_000

/** What no further attempt will mend: the mail server understood and said no for good. */
export class Undeliverable extends Error {
  override readonly name = 'Undeliverable'
}

/**
 * Sends by SMTP. Certificates are verified, and TLS is insisted on wherever the mail leaves this
 * machine; a URL may say otherwise by nodemailer's own options (`?ignoreTLS=true`).
 */
export function createSmtp({ url, from }: { url: string; from: string }) {
  const { hostname } = new URL(url)
  const tls = /[?&](ignoreTLS|requireTLS)=/.test(url)
    ? {}
    : isLocal(hostname)
      ? { ignoreTLS: true }
      : { requireTLS: true }
  const timeouts = {
    dnsTimeout: TIMEOUT_MS,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  }
  const open = async () => {
    // Loaded with the first mail: it is a noticeable part of the start.
    const { createTransport } = await import('nodemailer')
    return createTransport({ url, pool: true, maxConnections: CONNECTIONS, ...timeouts, ...tls }, { from })
  }
  let transport: ReturnType<typeof open> | undefined
  const connect = () => {
    transport ??= open()
    return transport
  }
  const inTime = createDeadline(MAIL_MS)
  const late = () => new Error('The mail server did not take the mail in time')
  return {
    /** @throws `Undeliverable` when trying again is of no use. */
    async send({ to, ...message }: Message) {
      try {
        // As an address object, so that nothing in it is parsed as a list or a header.
        const smtp = await connect()
        await inTime(smtp.sendMail({ ...message, to: { name: '', address: to } }), late)
      } catch (cause) {
        const { responseCode = 0 } = cause as { responseCode?: number }
        if (responseCode < 500) throw cause
        throw new Undeliverable('The mail server refused the mail', { cause })
      }
    },
    /** Connects, greets, encrypts and signs in, and sends nothing. */
    check: async () => (await connect()).verify(),
    /** How the way there is kept private, in words. */
    security: describe(url, isLocal(hostname)),
    close: () => void transport?.then((smtp) => smtp.close()),
  }
}

function describe(url: string, local: boolean) {
  if (url.startsWith('smtps:')) return 'by TLS'
  if (/[?&]ignoreTLS=true/.test(url)) return 'without TLS, as SMTP_URL asks'
  return local ? 'without TLS, on this machine' : 'by STARTTLS'
}
