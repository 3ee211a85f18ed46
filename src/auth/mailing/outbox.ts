import type { Client } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { secondsFromNow } from '../../db/moments.ts'
import { mailOutbox } from '../../db/schema/mail-outbox.ts'
import { createRandomId } from '../../db/uuid.ts'
import { AuthError } from '../../errors.ts'
import type { MailKind } from '../../mail/kinds.ts'
import type { Languages } from '../../mail/languages.ts'
import type { Places } from '../throttle/places.ts'
import { MAX_TOKEN_AGE_SECONDS, TOKEN_PURPOSES } from './mailed-tokens.ts'

export type Outbox = ReturnType<typeof createOutbox>

/** A mail to send. Without a `userId`, the worker looks the user up by the address. */
type OutboxMail = {
  /** For a mail whose token, or whose registration, is stored in the same transaction. */
  id?: string
  kind: MailKind
  recipient: string
  userId?: string
  sessionId?: string
  /** How long the mail waits before it is sent. It expires that much later. */
  delaySeconds?: number
  /** The client that asked for the mail. The worker looks up whether the account knows its places. */
  client?: Client
  /** The language of the mail, if the client has named another than its request. */
  locale?: string | null
}

type Parts = { enabled: boolean; languages: Languages; places: Places }

/** How long the worker tries to deliver a mail that carries no token. */
export const MAX_NOTICE_AGE_SECONDS = 72 * 3600

/** How long the worker tries to deliver a mail of this kind. */
export function getLifetimeSeconds(kind: string) {
  const purpose = TOKEN_PURPOSES[kind]
  return purpose ? MAX_TOKEN_AGE_SECONDS[purpose] : MAX_NOTICE_AGE_SECONDS
}

/**
 * Stores mails in the transaction that causes them, so that neither exists without the other. A worker sends them.
 * Without a mail server it stores nothing, and operations that need a mail are refused.
 */
export function createOutbox({ enabled, languages, places }: Parts) {
  return {
    enabled,

    /** @throws `SERVICE_UNAVAILABLE` if the server cannot send mail. */
    requireEnabled() {
      if (!enabled) throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 60 })
    },

    async add(
      executor: Executor,
      { id = createRandomId(), client, locale, delaySeconds = 0, ...mail }: OutboxMail,
    ) {
      if (!enabled) return
      const times = {
        nextAttemptAt: secondsFromNow(delaySeconds),
        expiresAt: secondsFromNow(delaySeconds + getLifetimeSeconds(mail.kind)),
      }
      const requested = client && {
        ...places.toPlaces(client),
        locale: locale ?? languages.choose(client.languages),
      }
      await executor.insert(mailOutbox).values({ ...mail, ...requested, ...times, id })
    },
  }
}
