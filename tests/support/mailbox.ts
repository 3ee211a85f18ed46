import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { type AddressObject, simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import { expect } from 'vitest'
import { portOf } from './net.ts'
import { useResource } from './resource.ts'
import { pause } from './time.ts'

type Received = {
  to: string
  from: { name: string; address?: string | undefined }[]
  recipients: number
  subject: string
  text: string
  html: string
  headers: string
  token: string
}
type Fault = { code?: number; reply?: string; delayMs?: number } | 'drop'
/** Whether the server answers slowly for an address, at which command. */
type Slowness = { at: 'RCPT' | 'DATA'; isSlow: (address: string) => boolean; delayMs: number }

/** A mail server for the tests of this file or group. */
export const useMailbox = () => useResource(createMailbox)

/** A real SMTP server on loopback that keeps the mails it receives, and misbehaves when a test asks for it. */
export async function createMailbox() {
  const received: Received[] = []
  let fault: Fault | undefined
  let slowness: Slowness | undefined
  let slow = Promise.withResolvers<void>()
  let slowAnswers = 0
  let attempts = 0
  let wakeWorker = () => {}

  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    logger: false,
    onRcptTo({ address }, _session, callback) {
      delay('RCPT', address).then(() => callback(), callback)
    },
    onData(stream, session, callback) {
      attempts++
      // Also a sender that is killed in the middle of its mail ends here, with an error.
      receive(stream, session.envelope.rcptTo).then(() => callback(), callback)
    },
  })
  const sockets = new Set<Socket>()

  async function delay(command: Slowness['at'], address: string) {
    if (slowness?.at !== command || !slowness.isSlow(address)) return
    await Promise.race([pause(slowness.delayMs), slow.promise])
    slowAnswers++
  }

  async function receive(stream: Readable, recipients: { address: string }[]) {
    const raw = await buffer(stream)
    for (const { address } of recipients) await delay('DATA', address)
    if (fault === 'drop') {
      for (const socket of sockets) socket.destroy()
      return
    }
    const { code, reply = 'No', delayMs = 0 } = fault ?? {}
    await pause(delayMs)
    if (code) throw Object.assign(new Error(reply), { responseCode: code })
    received.push(await read(raw, recipients.length))
  }

  const listener = smtp.listen(0, '127.0.0.1')
  listener.on('connection', (socket) => sockets.add(socket))

  /** The newest mail to an address whose subject fits; waits until there are `count` of them. */
  async function mail(to: string, subject: RegExp, count = 1): Promise<Received> {
    const fitting = () => received.filter((mail) => mail.to === to && subject.test(mail.subject))
    const countFitting = () => {
      wakeWorker()
      return fitting().length
    }
    await expect.poll(countFitting, { interval: 5 }).toBeGreaterThanOrEqual(count)
    return fitting().at(-1) as Received
  }

  return {
    url: `smtp://127.0.0.1:${await portOf(listener)}`,
    received,
    attempts: () => attempts,
    misbehave(how: Fault | undefined) {
      fault = how
    },
    /** Answers slowly for some addresses, as a mail server does that waits for theirs. */
    slowDown(how: Slowness | undefined) {
      slowness = how
      slow.resolve()
      slow = Promise.withResolvers()
    },
    /** How many of them it has given so far. */
    slowAnswers: () => slowAnswers,
    mail,
    /** Sets how a test that waits for a mail lets the worker look for due mails, which else takes half a second. */
    wakeWith(wake: () => void) {
      wakeWorker = wake
    },
    /** The token in the link of that mail. */
    token: async (...which: Parameters<typeof mail>) => (await mail(...which)).token,
    /** The mails that an address has received so far. */
    to: (address: string) => received.filter(({ to }) => to === address),
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((done) => smtp.close(() => done()))
    },
  }
}

async function read(raw: Buffer, recipients: number): Promise<Received> {
  const { to, from, subject = '', text = '', html } = await simpleParser(raw, { skipTextToHtml: true })
  return {
    to: (to as AddressObject).text,
    from: (from?.value ?? []).map(({ name, address }) => ({ name, address })),
    recipients,
    subject,
    text,
    html: html || '',
    headers: raw.toString().split(/\r?\n\r?\n/)[0] ?? '',
    token: /#token=([\w-]+)/.exec(text)?.[1] ?? '',
  }
}
