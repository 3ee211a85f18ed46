import { sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { mailOutbox } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import type { MailKind } from '../../mail/templates.ts'
import { randomId } from '../keys/sealed-tokens.ts'
import { TOKEN_MAILS, TOKEN_SECONDS } from './mailed-tokens.ts'

export type Outbox = ReturnType<typeof createOutbox>

/** A mail that is owed. `userId` is left out where only the worker may find out whether there is a user. */
export type Promised = { kind: MailKind; recipient: string; userId?: string; sessionId?: string }

/** How long it is worth trying to deliver a mail that carries no token. */
const NOTICE_SECONDS = 72 * 3600

/**
 * Where mails are promised: in the transaction that causes them, so that neither is without the
 * other. Without a mail server nothing is promised, and what needs a mail is refused.
 */
export function createOutbox({ enabled }: { enabled: boolean }) {
  return {
    /** @throws `SERVICE_UNAVAILABLE` where no mail can be sent. */
    demand() {
      if (!enabled) throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 60 })
    },

    async promise(executor: Executor, mail: Promised) {
      if (!enabled) return
      const purpose = TOKEN_MAILS[mail.kind]
      const seconds = purpose ? TOKEN_SECONDS[purpose] : NOTICE_SECONDS
      const expiresAt = sql`now() + make_interval(secs => ${seconds}::int)`
      await executor.insert(mailOutbox).values({ ...mail, id: randomId(), expiresAt })
    },
  }
}
