import { getTableColumns, sql } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'
import { events, type SessionRow, sessions, users } from '../db/schema.ts'
import { AuthError } from '../errors.ts'
import type { Client } from './caller.ts'
import type { SessionTransport } from './inputs.ts'
import { digest } from './refresh-tokens.ts'

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
 */
export function createSessionOpener(db: Executor, seconds: { idle: number; max: number }) {
  const onPool = prepare(db, Math.min(seconds.idle, seconds.max))

  /**
   * @returns the session, or why there is none: the password was changed meanwhile, for the same one if it
   * was only hashed anew. @throws `INVALID_CREDENTIALS` where the account itself is not what it was
   */
  return async function openSession(
    executor: Executor,
    { token, client, formerId, ...values }: NewSession,
  ): Promise<SessionRow | 'OVERTAKEN'> {
    const statement = executor === db ? onPool : prepare(executor, Math.min(seconds.idle, seconds.max))
    const [found] = await statement.execute({
      ...values,
      ...client,
      tokenHash: digest(token),
      formerId: formerId ?? null,
    })
    if (!found) throw new AuthError('INVALID_CREDENTIALS')
    return found.made ?? 'OVERTAKEN'
  }
}

function prepare(executor: Executor, seconds: number) {
  const given = (name: string) => sql.placeholder(name)
  const account = executor
    .$with('account', { isUnchanged: sql<boolean>`is_unchanged`.as('is_unchanged') })
    .as(sql`
    select id, password = ${given('verifiedHash')} as is_unchanged from ${users}
    where id = ${given('userId')} and email = ${given('email')} and disabled_at is null
    for no key update`)
  const made = executor.$with('made', getTableColumns(sessions)).as(sql`
    insert into ${sessions} (id, user_id, token, lineage, transport, ip_address, user_agent, expires_at)
    select ${given('id')}::uuid, id, ${given('tokenHash')}, ${given('lineage')}::uuid,
      ${given('transport')}::session_transport, ${given('ipAddress')}, ${given('userAgent')},
      now() + make_interval(secs => ${sql.raw(String(seconds))})
    from account where is_unchanged
    returning *`)
  const ended = executor.$with('ended', {}).as(sql`
    delete from ${sessions} where id = ${given('formerId')}::uuid and exists (select from made)`)
  const noted = executor.$with('noted', {}).as(sql`
    insert into ${events} (kind, user_id, request_id, ip_address, user_agent)
    select 'login', user_id, ${given('requestId')}, ${given('ipAddress')}, ${given('userAgent')}
    from made where ${given('operation')} = 'login'`)
  return executor
    .with(account, made, ended, noted)
    .select()
    .from(account)
    .leftJoin(made, sql`true`)
    .prepare('open_session')
}
