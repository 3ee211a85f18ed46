import { and, getTableColumns, lte, sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Db, Executor } from '../db/client.ts'
import { secondsFromNow } from '../db/moments.ts'
import { retryWait } from '../db/retry-wait.ts'
import { type MailRow, mailOutbox } from '../db/schema/mail-outbox.ts'
import type { Attributes } from '../span.ts'
import { startWorker } from '../worker.ts'
import { createFairSlots, registeredDomain } from './fair-slots.ts'
import type { MailData, Message } from './kinds.ts'
import { isStillOurs } from './lease.ts'
import { MAX_CONNECTIONS, readReply, UndeliverableError } from './smtp.ts'

type Parts = {
  db: Db
  log: Logger
  /**
   * Reads the current values of a mail of the outbox. `UNWANTED` if the mail must no longer be sent; `POSTPONED` if
   * this call has set a later time for the mail.
   */
  compose: (row: MailRow) => Promise<MailData | 'UNWANTED' | 'POSTPONED'>
  /** Called in the transaction that marks a mail as failed. */
  onFailed: (executor: Executor, row: MailRow) => Promise<void>
  render: (data: MailData) => Message
  send: (message: Message) => Promise<void>
  /** Wraps the delivery of one mail, for example in a span. */
  around?: ((name: string, attributes: Attributes, work: () => Promise<void>) => Promise<void>) | undefined
}

/** No more than can be sent at once, so that other replicas can take the rest. */
const MAX_BATCH = MAX_CONNECTIONS
const POLL_MS = 500
/** How long a leased mail belongs to its worker. Must be longer than the worker can take to compose and send it. */
export const LEASE_SECONDS = 60
export const MAX_RETRY_SECONDS = 900

/**
 * Sends the mails of the outbox. A worker leases each mail, so that two replicas do not send the same one, and
 * another replica takes over the mails of one that died. A failed mail is retried with growing waits until it expires.
 * Only a permanent refusal by the mail server ends it sooner.
 */
export function startMailWorker({ db, log, compose, onFailed, render, send, around }: Parts) {
  const slots = createFairSlots()

  /** Leases the oldest due mail, except to some domains. */
  async function leaseMail(waiting: string[]) {
    const due = db
      .select({ id: mailOutbox.id })
      .from(mailOutbox)
      .where(
        and(
          // A literal, as in the partial index: PostgreSQL would not use the index for a parameter.
          sql`${mailOutbox.status} = 'PENDING'`,
          lte(mailOutbox.nextAttemptAt, sql`now()`),
          waiting.length > 0
            ? sql`${registeredDomain} <> all (string_to_array(${waiting.join(' ')}, ' '))`
            : undefined,
        ),
      )
      .orderBy(mailOutbox.nextAttemptAt)
      .limit(1)
      .for('update', { skipLocked: true })
    const [mail] = await db
      .update(mailOutbox)
      .set({
        attempts: sql`${mailOutbox.attempts} + 1`,
        nextAttemptAt: secondsFromNow(LEASE_SECONDS),
      })
      .where(sql`${mailOutbox.id} in ${due}`)
      .returning({
        row: getTableColumns(mailOutbox),
        domain: registeredDomain,
        expired: sql<boolean>`${mailOutbox.expiresAt} <= now()`,
      })
    return mail
  }

  async function leaseNext() {
    for (const waiting of slots.listWaiting()) {
      const mail = await leaseMail(waiting)
      if (mail) return { ...mail, leave: slots.enter(mail.domain) }
    }
    return undefined
  }

  type LeasedMail = NonNullable<Awaited<ReturnType<typeof leaseNext>>>

  async function leaseMails(count: number) {
    const mails: LeasedMail[] = []
    while (mails.length < count) {
      const mail = await leaseNext().catch((err: unknown) => {
        if (mails.length === 0) throw err
      })
      if (!mail) break
      mails.push(mail)
    }
    return mails
  }

  async function deliver({ row, expired }: LeasedMail) {
    try {
      if (expired) throw new UndeliverableError('The mail has expired')
      const mail = await compose(row)
      if (mail === 'POSTPONED') return
      if (mail === 'UNWANTED') return await skip(row)
      await send(render(mail))
      await db.update(mailOutbox).set({ status: 'SENT', nextAttemptAt: sql`now()` }).where(isStillOurs(row))
    } catch (err) {
      const mail = { id: row.id, kind: row.kind, attempts: row.attempts }
      log.warn({ err, reply: readReply(err), mail }, 'mail not sent')
      const fault = describeFault(err)
      if (err instanceof UndeliverableError) await fail(row, fault)
      else await scheduleRetry(row, fault)
    }
  }

  /** Keeps only the last skipped mail of a kind for each mailbox, because strangers can cause any number of them. */
  async function skip(row: MailRow) {
    await db.update(mailOutbox).set({ status: 'SKIPPED' }).where(isStillOurs(row))
    await db.execute(sql`
      delete from ${mailOutbox} as other using ${mailOutbox} as own
      where own.id = ${row.id}::uuid and (other.created_at, other.id) < (own.created_at, own.id)
        and other.kind = ${row.kind} and other.recipient = ${row.recipient} and other.status = 'SKIPPED'`)
  }

  async function fail(row: MailRow, fault: string) {
    await db.transaction(async (tx) => {
      const [failed] = await tx
        .update(mailOutbox)
        .set({ status: 'FAILED', fault })
        .where(isStillOurs(row))
        .returning({ id: mailOutbox.id })
      if (failed) await onFailed(tx, row)
    })
  }

  async function scheduleRetry(row: MailRow, fault: string) {
    await db
      .update(mailOutbox)
      .set({ nextAttemptAt: sql`now() + ${retryWait(mailOutbox, MAX_RETRY_SECONDS)}`, fault })
      .where(isStillOurs(row))
  }

  async function deliverOne(mail: LeasedMail) {
    const delivered = around
      ? around('mail', { 'servauth.mail': mail.row.kind }, () => deliver(mail))
      : deliver(mail)
    await delivered.finally(mail.leave)
  }

  return startWorker({
    max: MAX_BATCH,
    pollMs: POLL_MS,
    take: leaseMails,
    work: deliverOne,
    onTakeFailed: (err) => log.warn({ err }, 'the outbox cannot be read'),
  })
}

/** Why a mail was not sent, for administrators. */
function describeFault(fault: unknown) {
  const own = fault instanceof UndeliverableError ? fault.message : 'The mail server did not accept the mail'
  return readReply(fault) ?? own
}
