import { getTableColumns, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { SessionTransport } from '../../contract/fields.ts'
import type { Executor } from '../../db/client.ts'
import { events, type SessionRow, sessions, users } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { Observer } from '../observer.ts'
import type { RefreshTokens } from '../sessions/refresh-tokens.ts'

export type OpenSession = ReturnType<typeof createOpenSession>

type Parts = {
  refreshTokens: RefreshTokens
  observer?: Observer | undefined
  settings: {
    SESSION_IDLE_SECONDS: number
    SESSION_MAX_SECONDS: number
    REQUIRE_EMAIL_VERIFICATION: boolean
  }
}

type NewSession = {
  operation: 'register' | 'login'
  account: { id: string; email: string }
  /** What the client has proven. The statement compares it with what the account demands now. */
  proof: { passwordHash: string }
  transport: SessionTransport
  client: Client
  /** The caller's former session, which ends. */
  formerSessionId: string | undefined
}

type OpenedSession = { session: SessionRow; secret: string }

/**
 * All sessions are opened by this one statement. It inserts a session only if the proof is all that the account
 * demands. It locks the account first: an earlier change of the password, the address or the state makes it fail, and
 * a later change finds the new session and ends it.
 */
export function createOpenSession({ refreshTokens, observer, settings }: Parts) {
  const seconds = Math.min(settings.SESSION_IDLE_SECONDS, settings.SESSION_MAX_SECONDS)
  const needsVerification = settings.REQUIRE_EMAIL_VERIFICATION

  /**
   * @returns `PASSWORD_CHANGED` if the stored hash has changed since it was read; the password may be the same
   * @throws `INVALID_CREDENTIALS` if the account is gone, disabled or has another address; `EMAIL_NOT_VERIFIED`
   */
  return async function openSession(
    executor: Executor,
    { operation, account, proof, transport, client, formerSessionId }: NewSession,
  ): Promise<OpenedSession | 'PASSWORD_CHANGED'> {
    const { requestId, ipAddress, userAgent } = client
    const id = crypto.randomUUID()
    const { lineage, token } = refreshTokens.startLineage(id)
    // Plain SQL: Drizzle takes as long to build it as all the rest of a registration's transaction.
    const [row] = await executor.execute<Record<string, unknown>>(sql`
      with account as (
        select id, password = ${proof.passwordHash} as has_password,
          email_verified or not ${needsVerification}::boolean as is_verified
        from ${users}
        where id = ${account.id}::uuid and email = ${account.email} and disabled_at is null
        for no key update
      ), opened as (
        insert into ${sessions} (id, user_id, token, lineage, transport, ip_address, user_agent, expires_at)
        select ${id}::uuid, id, ${digest(token)}, ${lineage}::uuid, ${transport}::session_transport,
          ${ipAddress}, ${userAgent}, now() + make_interval(secs => ${seconds}::int)
        from account where has_password and is_verified
        returning *
      ), ended as (
        delete from ${sessions} where id = ${formerSessionId ?? null}::uuid and exists (select from opened)
      ), recorded as (
        insert into ${events} (kind, user_id, request_id, ip_address, user_agent)
        select 'login', user_id, ${requestId}, ${ipAddress}, ${userAgent} from opened where ${operation} = 'login'
      )
      select has_password, is_verified, opened.* from account left join opened on true`)
    if (!row) throw new AuthError('INVALID_CREDENTIALS')
    if (!row.has_password) return 'PASSWORD_CHANGED'
    if (!row.is_verified) throw new AuthError('EMAIL_NOT_VERIFIED')
    observer?.onSessionOpened(operation)
    return { session: toSessionRow(row), secret: token }
  }
}

const COLUMNS = Object.entries(getTableColumns(sessions))

/** Converts a row of the driver, in which times are text. */
function toSessionRow(row: Record<string, unknown>) {
  const values = COLUMNS.map(([key, column]) => {
    const value = row[column.name]
    return [key, value === null ? null : column.mapFromDriverValue(value)]
  })
  return Object.fromEntries(values) as SessionRow
}
