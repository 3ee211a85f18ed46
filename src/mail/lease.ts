import { and, eq } from 'drizzle-orm'
import { type MailRow, mailOutbox } from '../db/schema/mail-outbox.ts'

/** False once another worker has taken the mail: its attempt counts, so only that worker writes the result. */
export const isStillOurs = ({ id, attempts }: Pick<MailRow, 'id' | 'attempts'>) =>
  and(eq(mailOutbox.id, id), eq(mailOutbox.attempts, attempts), eq(mailOutbox.status, 'PENDING'))
