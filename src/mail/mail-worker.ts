import { and, eq, getTableColumns, lte, sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Db, Executor } from '../db/client.ts'
import { type MailRow, mailOutbox } from '../db/schema.ts'
import type { Attributes } from '../span.ts'
import { MAX_CONNECTIONS, UndeliverableError } from './smtp.ts'
import { type MailData, type Message, renderMail } from './templates.ts'

type Parts = {
  db: Db
  log: Logger
  /** Reads what a mail of the outbox has to say now. Null if it must not be sent any more. */
  compose: (row: MailRow) => Promise<MailData | null>
  /** Called in the transaction that marks a mail as failed. */
  onFailed: (executor: Executor, row: MailRow) => Promise<void>
  send: (message: Message) => Promise<void>
  /** Wraps the delivery of one mail, for example in a span. */
  around?: ((name: string, attributes: Attributes, work: () => Promise<void>) => Promise<void>) | undefined
}

/** No more than can be sent at once, so that other replicas can take the rest. */
const MAX_BATCH = MAX_CONNECTIONS
const POLL_MS = 500
/** How long a taken mail belongs to its worker. Must be longer than composing and sending can take. */
export const LEASE_SECONDS = 60
export const MAX_ATTEMPTS = 12
const MAX_RETRY_SECONDS = 900
/** How long a stop waits for mails that are being sent. After the lease, another replica sends the others. */
const MAX_STOP_MS = 5000

/** False once another worker has taken the mail: its attempt counts, so only that worker writes the result. */
const isStillOurs = ({ id, attempts }: MailRow) =>
  and(eq(mailOutbox.id, id), eq(mailOutbox.attempts, attempts))

/**
 * Sends the mails of the outbox. A worker leases each mail, so that two replicas do not send the same one, and
 * mails of a replica that died are taken over. A failed mail is retried with a growing wait until it expires.
 */
export function startMailWorker({ db, log, compose, onFailed, send, around }: Parts) {
  let stopped = false
  let wake = () => {}

  async function leaseMails() {
    const due = db
      .select({ id: mailOutbox.id })
      .from(mailOutbox)
      // A literal, as in the partial index: PostgreSQL would not use the index for a parameter.
      .where(and(sql`${mailOutbox.status} = 'PENDING'`, lte(mailOutbox.nextAttemptAt, sql`now()`)))
      .orderBy(mailOutbox.nextAttemptAt)
      .limit(MAX_BATCH)
      .for('update', { skipLocked: true })
    return db
      .update(mailOutbox)
      .set({
        attempts: sql`${mailOutbox.attempts} + 1`,
        nextAttemptAt: sql`now() + make_interval(secs => ${LEASE_SECONDS}::int)`,
      })
      .where(sql`${mailOutbox.id} in ${due}`)
      .returning({
        row: getTableColumns(mailOutbox),
        expired: sql<boolean>`${mailOutbox.expiresAt} <= now()`,
      })
  }

  type LeasedMail = Awaited<ReturnType<typeof leaseMails>>[number]

  async function deliver({ row, expired }: LeasedMail) {
    try {
      if (expired) throw new UndeliverableError('The mail has expired')
      const data = await compose(row)
      if (data) await send(renderMail(data))
      await db.update(mailOutbox).set({ status: 'SENT' }).where(isStillOurs(row))
    } catch (err) {
      log.warn({ err, mail: { id: row.id, kind: row.kind, attempts: row.attempts } }, 'mail not sent')
      await scheduleRetry(row, err instanceof UndeliverableError || row.attempts >= MAX_ATTEMPTS)
    }
  }

  async function scheduleRetry(row: MailRow, isFinal: boolean) {
    const wait = sql`make_interval(secs => ${Math.min(2 ** row.attempts, MAX_RETRY_SECONDS)}::int)`
    await db.transaction(async (tx) => {
      const [updated] = await tx
        .update(mailOutbox)
        .set({
          nextAttemptAt: sql`now() + ${wait}`,
          status: sql`case when ${isFinal} or ${mailOutbox.expiresAt} < now() + ${wait} then 'FAILED' else 'PENDING' end::mail_status`,
        })
        .where(isStillOurs(row))
        .returning({ status: mailOutbox.status })
      if (updated?.status === 'FAILED') await onFailed(tx, row)
    })
  }

  async function deliverOne(mail: LeasedMail) {
    if (around) await around('mail', { 'servauth.mail': mail.row.kind }, () => deliver(mail))
    else await deliver(mail)
  }

  async function run() {
    while (!stopped) {
      const mails = await leaseMails().catch((err: unknown) => {
        log.warn({ err }, 'the outbox cannot be read')
        return []
      })
      // Settled, not all: if the result of a mail cannot be written, its lease ends and it is taken again.
      await Promise.allSettled(mails.map(deliverOne))
      if (mails.length < MAX_BATCH) await pause()
    }
  }

  async function pause() {
    await new Promise<void>((resolve) => {
      wake = resolve
      setTimeout(resolve, POLL_MS)
    })
  }

  const running = run()
  return async function stop() {
    stopped = true
    wake()
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, MAX_STOP_MS)
    })
    await Promise.race([running, timeout]).finally(() => clearTimeout(timer))
  }
}
