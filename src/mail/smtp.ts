import { createDeadline } from '../deadline.ts'
import { isLocal } from '../settings/kinds/host.ts'
import type { Sender } from '../settings/kinds/mail.ts'
import type { Message } from './kinds.ts'

/** Bounds how many mails are sent at once. */
export const MAX_CONNECTIONS = 5

const MAX_STEP_MS = 10_000
/** For a whole mail. Without it, a server that is slow at every step could outlast the lease of the mail worker. */
const MAX_MAIL_MS = 40_000

/** The mail server refused permanently, or the mail expired. A retry cannot succeed. */
export class UndeliverableError extends Error {
  override readonly name = 'UndeliverableError'
}

/**
 * Sends by SMTP. Certificates are verified, and TLS is required unless the mail server is on this machine.
 * Options in the URL override that (nodemailer's `?ignoreTLS=true`).
 */
export function createSmtp({ url, from }: { url: string; from: Sender }) {
  const { hostname, searchParams } = new URL(url)
  const isChosen = searchParams.has('ignoreTLS') || searchParams.has('requireTLS')
  const isBare = isLocal(hostname) && !isChosen
  const tls = isChosen ? {} : isBare ? { ignoreTLS: true } : { requireTLS: true }
  const timeouts = {
    dnsTimeout: MAX_STEP_MS,
    connectionTimeout: MAX_STEP_MS,
    greetingTimeout: MAX_STEP_MS,
    socketTimeout: MAX_STEP_MS,
  }
  const createTransport = async () => {
    // Imported with the first mail, because the import would slow the start down.
    const nodemailer = await import('nodemailer')
    const pool = { pool: true, maxConnections: MAX_CONNECTIONS } as const
    return nodemailer.createTransport({ url, ...pool, ...timeouts, ...tls }, { from })
  }
  let transport: ReturnType<typeof createTransport> | undefined
  const openTransport = () => {
    transport ??= createTransport()
    return transport
  }
  const withDeadline = createDeadline(MAX_MAIL_MS)
  const createTimeoutError = () => new Error('The mail server did not accept the mail in time')
  return {
    /** @throws `UndeliverableError` if a retry cannot succeed */
    async send({ to, ...message }: Message) {
      try {
        const smtp = await openTransport()
        // An address object, because a string would be parsed as a list of addresses.
        const sending = smtp.sendMail({ ...message, to: { name: '', address: to } })
        await withDeadline(sending, createTimeoutError)
      } catch (cause) {
        if (!isRefusedForGood(cause)) throw cause
        throw new UndeliverableError('The mail server refused the mail', { cause })
      }
    },
    /** Connects, negotiates TLS and signs in, but sends no mail. */
    check: async () => (await openTransport()).verify(),
    /** How the connection is protected, in words for the operator. */
    security: describeSecurity(url, isBare),
    /** Whether mails leave this machine without TLS. */
    isExposed: !isLocal(hostname) && searchParams.has('ignoreTLS') && !url.startsWith('smtps:'),
    close: () => void transport?.then((smtp) => smtp.close()),
  }
}

/**
 * Whether the mail server refused this recipient or this mail permanently. Any other refusal, for example of the
 * greeting or the password, is about the mail server or its settings. The operator can fix its cause.
 */
function isRefusedForGood(fault: unknown) {
  const { responseCode = 0, command = '' } = fault as { responseCode?: number; command?: string }
  return responseCode >= 500 && (command === 'RCPT TO' || command === 'DATA')
}

function describeSecurity(url: string, isBare: boolean) {
  if (url.startsWith('smtps:')) return 'with TLS'
  if (/[?&]ignoreTLS=true/.test(url)) return 'without TLS, as SMTP_URL asks'
  return isBare ? 'without TLS, on this machine' : 'with STARTTLS'
}

const MAX_REPLY_LENGTH = 200
/** A reply can have a mebibyte, and the search for what may be secret takes quadratic time for a long word. */
const MAX_READ_LENGTH = 1000

/**
 * What the mail server replied, if it did. Without what may be secret in it: addresses, links and long words, also one that
 * is not read to its end.
 */
export function readReply(fault: unknown): string | undefined {
  for (let current = fault; current instanceof Error; current = current.cause) {
    const { response } = current as { response?: unknown }
    if (typeof response !== 'string') continue
    const isWhole = response.length <= MAX_READ_LENGTH
    const read = isWhole ? response : response.slice(0, MAX_READ_LENGTH).replace(/\S+$/, '***')
    const bare = read.replace(/\S*@\S*|\w+:\/\/\S+|[\w-]{25,}/g, '***')
    return bare.replace(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_REPLY_LENGTH)
  }
  return undefined
}
