import { sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { mailOutbox } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import type { MailKind } from '../../mail/templates.ts'
import { createRandomId } from '../keys/sealed-tokens.ts'
import { MAX_TOKEN_AGE_SECONDS, TOKEN_PURPOSES } from './mailed-tokens.ts'

export type Outbox = ReturnType<typeof createOutbox>

/** A mail to send. Without a `userId`, the worker looks the user up by the address. */
export type OutboxMail = { kind: MailKind; recipient: string; userId?: string; sessionId?: string }

/** How long the worker tries to deliver a mail that carries no token. */
const MAX_NOTICE_AGE_SECONDS = 72 * 3600

/**
 * Stores mails in the transaction that causes them, so that neither exists without the other. A worker sends them.
 * Without a mail server it stores nothing, and operations that need a mail are refused.
 */
export function createOutbox({ enabled }: { enabled: boolean }) {
  return {
    /** @throws `SERVICE_UNAVAILABLE` if the server cannot send mail. */
    requireEnabled() {
      if (!enabled) throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 60 })
    },

    async add(executor: Executor, mail: OutboxMail) {
      if (!enabled) return
      const purpose = TOKEN_PURPOSES[mail.kind]
      const seconds = purpose ? MAX_TOKEN_AGE_SECONDS[purpose] : MAX_NOTICE_AGE_SECONDS
      const expiresAt = sql`now() + make_interval(secs => ${seconds}::int)`
      await executor.insert(mailOutbox).values({ ...mail, id: createRandomId(), expiresAt })
    },
  }
}
