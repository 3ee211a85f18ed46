import { getTableColumns, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { SessionTransport } from '../../contract/fields.ts'
import type { Executor } from '../../db/client.ts'
import { events, type SessionRow, sessions, users } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import { digest } from '../sessions/refresh-tokens.ts'

type NewSession = {
  id: string
  userId: string
  token: string
  lineage: string
  transport: SessionTransport
  client: Client
  /** What was found right before: the session is made only while both are still the account's. */
  email: string
  verifiedHash: string
  /** The session that the caller had before, which ends. */
  formerId: string | undefined
  operation: 'register' | 'login'
}

/**
 * Makes a session with all that goes with it in one statement: whole or not at all, for one round trip.
 * It locks the account first. So a change of the password, the address or the account's state that came
 * before leaves nothing to sign in with, and one that comes after finds this session and ends it.
 *
 * Written out, since building it takes Drizzle as long as all the rest that a registration does in a transaction.
 * @returns the session, or why there is none: the password was changed meanwhile, for the same one if it
 * was only hashed anew. @throws `INVALID_CREDENTIALS` where the account itself is not what it was
 */
export async function openSession(
  executor: Executor,
  lifetime: { idle: number; max: number },
  { id, userId, token, lineage, transport, client, email, verifiedHash, formerId, operation }: NewSession,
): Promise<SessionRow | 'OVERTAKEN'> {
  const { requestId, ipAddress, userAgent } = client
  const seconds = Math.min(lifetime.idle, lifetime.max)
  const [found] = await executor.execute<Record<string, unknown>>(sql`
    with account as (
      select id, password = ${verifiedHash} as is_unchanged from ${users}
      where id = ${userId}::uuid and email = ${email} and disabled_at is null
      for no key update
    ), made as (
      insert into ${sessions} (id, user_id, token, lineage, transport, ip_address, user_agent, expires_at)
      select ${id}::uuid, id, ${digest(token)}, ${lineage}::uuid, ${transport}::session_transport,
        ${ipAddress}, ${userAgent}, now() + make_interval(secs => ${seconds}::int)
      from account where is_unchanged
      returning *
    ), ended as (
      delete from ${sessions} where id = ${formerId ?? null}::uuid and exists (select from made)
    ), noted as (
      insert into ${events} (kind, user_id, request_id, ip_address, user_agent)
      select 'login', user_id, ${requestId}, ${ipAddress}, ${userAgent} from made where ${operation} = 'login'
    )
    select is_unchanged, made.* from account left join made on true`)
  if (!found) throw new AuthError('INVALID_CREDENTIALS')
  return found.is_unchanged ? sessionOf(found) : 'OVERTAKEN'
}

const COLUMNS = Object.entries(getTableColumns(sessions))

/** A row as the driver hands it over, which leaves times in words. */
function sessionOf(row: Record<string, unknown>) {
  const values = COLUMNS.map(([key, column]) => {
    const value = row[column.name]
    return [key, value === null ? null : column.mapFromDriverValue(value)]
  })
  return Object.fromEntries(values) as SessionRow
}
