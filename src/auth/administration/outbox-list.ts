import { and, desc, eq, sql } from 'drizzle-orm'
import type { Act } from '../../contract/administrator.ts'
import { requireRowId } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import { type Mail, type MailConnection, toMail } from '../../contract/outputs/administration/mail.ts'
import type { Db } from '../../db/client.ts'
import { secondsFromNow } from '../../db/moments.ts'
import { mailOutbox } from '../../db/schema/mail-outbox.ts'
import { AuthError } from '../../errors.ts'
import { recordAdministration } from '../events/administration-events.ts'
import { getLifetimeSeconds } from '../mailing/outbox.ts'
import { countRows, fromCursor, isOlderThan, toCursor, toPage } from './pages.ts'

type Request = InputOf<'mails'>

function toConditions(filter: Request['filter']) {
  const { status, kind, recipient } = filter ?? {}
  return and(
    status == null ? undefined : eq(mailOutbox.status, status),
    kind == null ? undefined : eq(mailOutbox.kind, kind),
    recipient == null ? undefined : eq(mailOutbox.recipient, recipient),
  )
}

/** Shows the outbox, and sends failed mails again. */
export function createOutboxList({ db }: { db: Db }) {
  return {
    async mails({ first, after, count, filter }: Request): Promise<MailConnection> {
      const { createdAt, id } = mailOutbox
      const isOlder = isOlderThan(fromCursor(after, ['mail']), createdAt, id)
      const [rows, totalCount] = await Promise.all([
        db
          .select({ mail: mailOutbox, key: sql<string>`${createdAt}::text` })
          .from(mailOutbox)
          .where(and(toConditions(filter), isOlder))
          .orderBy(desc(createdAt), desc(id))
          .limit(first + 1),
        count ? countRows(db, mailOutbox, toConditions(filter)) : null,
      ])
      const edges = rows.map(({ mail, key }) => ({
        cursor: toCursor({ part: 'mail', key, id: mail.id }),
        node: toMail(mail),
      }))
      return { ...toPage(edges, first), totalCount }
    },

    /** @throws `NOT_FOUND` unless the mail has failed */
    async retryMail({ id }: InputOf<'retryMail'>, act: Act): Promise<Mail> {
      requireRowId(id)
      return db.transaction(async (tx) => {
        const [failed] = await tx
          .select({ kind: mailOutbox.kind })
          .from(mailOutbox)
          .where(and(eq(mailOutbox.id, id), eq(mailOutbox.status, 'FAILED')))
          .for('update')
        if (!failed) throw new AuthError('NOT_FOUND')
        const expiresAt = secondsFromNow(getLifetimeSeconds(failed.kind))
        const [mail] = await tx
          .update(mailOutbox)
          .set({ status: 'PENDING', attempts: 0, nextAttemptAt: sql`now()`, expiresAt })
          .where(eq(mailOutbox.id, id))
          .returning()
        if (!mail) throw new AuthError('NOT_FOUND')
        await act.administrator.assertCurrent(tx)
        const subject = { userId: mail.userId, detail: mail.kind }
        await recordAdministration(tx, 'mail_retried', subject, act)
        return toMail(mail)
      })
    },
  }
}
