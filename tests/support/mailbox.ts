import { once } from 'node:events'
import { type AddressObject, simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'
import { expect } from 'vitest'

type Received = { to: string; subject: string; text: string; html: string; headers: string; token: string }
type Fault = { code: number } | { delayMs: number } | 'drop'

/** A real SMTP server on loopback that keeps what it gets, and misbehaves when told to. */
export async function createMailbox() {
  const received: Received[] = []
  let fault: Fault | undefined
  let attempts = 0

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    logger: false,
    onData(stream, session, callback) {
      attempts++
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        if (fault === 'drop') return server.connections.forEach((connection) => connection.close())
        if (fault && 'code' in fault)
          return callback(Object.assign(new Error('No'), { responseCode: fault.code }))
        if (fault) await new Promise((done) => setTimeout(done, (fault as { delayMs: number }).delayMs))
        const raw = Buffer.concat(chunks)
        const mail = await simpleParser(raw)
        const text = mail.text ?? ''
        received.push({
          to: (mail.to as AddressObject).text,
          subject: mail.subject ?? '',
          text,
          html: mail.html || '',
          headers: raw.toString().split(/\r?\n\r?\n/)[0] ?? '',
          token: /#token=([\w-]+)/.exec(text)?.[1] ?? '',
        })
        expect(session.envelope.rcptTo).toHaveLength(1)
        callback()
      })
    },
  }).listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const address = server.server.address()

  return {
    url: `smtp://127.0.0.1:${typeof address === 'object' && address?.port}`,
    received,
    attempts: () => attempts,
    misbehave(how: Fault | undefined) {
      fault = how
    },
    /** The newest mail to an address whose subject fits, waited for; older ones are told apart by `count`. */
    async mail(to: string, subject: RegExp, count = 1): Promise<Received> {
      const fitting = () => received.filter((mail) => mail.to === to && subject.test(mail.subject))
      await expect
        .poll(() => fitting().length, { timeout: 10_000, interval: 20 })
        .toBeGreaterThanOrEqual(count)
      return fitting().at(-1) as Received
    },
    close: () => new Promise<void>((done) => server.close(done)),
  }
}
