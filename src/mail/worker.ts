import { and, eq, getTableColumns, lte, sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Db, Executor } from '../db/client.ts'
import { type MailRow, mailOutbox } from '../db/schema.ts'
import type { Attributes } from '../span.ts'
import { type Letter, type Message, write } from './messages.ts'
import { CONNECTIONS, Undeliverable } from './smtp.ts'

type Parts = {
  db: Db
  log: Logger
  /** Decides what a promised mail says now; null when there is nothing to say any more. */
  compose: (row: MailRow) => Promise<Letter | null>
  /** Called in the transaction in which a mail is given up. */
  onFailed: (executor: Executor, row: MailRow) => Promise<void>
  send: (message: Message) => Promise<void>
  /** What is around the delivery of one mail, such as a span. */
  around?: ((name: string, attributes: Attributes, work: () => Promise<void>) => Promise<void>) | undefined
}

/** No more than go out at once: what waits behind them is for other replicas to take. */
const BATCH = CONNECTIONS
const POLL_MS = 500
/** How long a mail belongs to the worker that took it. Longer than composing and sending may last. */
const LEASE_SECONDS = 60
const MOST_ATTEMPTS = 12
/** How long a stop waits for mails on their way; others send those that are not, when the lease ends. */
const STOP_MS = 5000

/** A mail as a worker took it. Whoever takes it after the lease counts another attempt, and the result is theirs to write. */
const asTaken = ({ id, attempts }: MailRow) => and(eq(mailOutbox.id, id), eq(mailOutbox.attempts, attempts))

/**
 * Sends what the outbox promises. A mail is taken under a lease, so two replicas do not send it
 * both, and one that dies in the middle has its mails taken over. A failure is tried again with a
 * growing wait until the mail has expired.
 */
export function startMailWorker({ db, log, compose, onFailed, send, around }: Parts) {
  let stopped = false
  let wake = () => {}

  async function take() {
    const due = db
      .select({ id: mailOutbox.id })
      .from(mailOutbox)
      // Word for word as in the index, which a parameter would leave unused.
      .where(and(sql`${mailOutbox.status} = 'PENDING'`, lte(mailOutbox.nextAttemptAt, sql`now()`)))
      .orderBy(mailOutbox.nextAttemptAt)
      .limit(BATCH)
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

  async function deliver({ row, expired }: Awaited<ReturnType<typeof take>>[number]) {
    try {
      if (expired) throw new Undeliverable('The mail has expired')
      const letter = await compose(row)
      if (letter) await send(write(letter))
      await db.update(mailOutbox).set({ status: 'SENT' }).where(asTaken(row))
    } catch (err) {
      log.warn({ err, mail: { id: row.id, kind: row.kind, attempts: row.attempts } }, 'mail not sent')
      const wait = sql`make_interval(secs => ${Math.min(2 ** row.attempts, 900)}::int)`
      const hopeless = err instanceof Undeliverable || row.attempts >= MOST_ATTEMPTS
      await db.transaction(async (tx) => {
        const [given] = await tx
          .update(mailOutbox)
          .set({
            nextAttemptAt: sql`now() + ${wait}`,
            status: sql`case when ${hopeless} or ${mailOutbox.expiresAt} < now() + ${wait} then 'FAILED' else 'PENDING' end::mail_status`,
          })
          .where(asTaken(row))
          .returning({ status: mailOutbox.status })
        if (given?.status === 'FAILED') await onFailed(tx, row)
      })
    }
  }

  async function deliverOne(mail: Parameters<typeof deliver>[0]) {
    if (around) await around('mail', { 'servauth.mail': mail.row.kind }, () => deliver(mail))
    else await deliver(mail)
  }

  async function run() {
    while (!stopped) {
      const taken = await take().catch((err: unknown) => {
        log.warn({ err }, 'the outbox cannot be read')
        return []
      })
      // A mail whose fate cannot be written down is taken again when its lease ends.
      await Promise.allSettled(taken.map(deliverOne))
      if (taken.length < BATCH) await pause()
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
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_MS)
    })
    await Promise.race([running, late]).finally(() => clearTimeout(timer))
  }
}
