import { hash } from '@node-rs/argon2'
import type { Sql } from 'postgres'
import { ARGON2ID } from '../servers/argon2-options.ts'

/** The size of each database before a measurement. On an almost empty database PostgreSQL chooses other plans. */
export const USERS = 10_000
export const SESSIONS_EACH = 3
export const PASSWORD = 'a long enough phrase'

/** Every answer with a user of the bench contains this text. */
export const ANY_USER = '"email":"user-'

export const formatEmail = (number: number) => `user-${String(number).padStart(7, '0')}@bench.test`
export const createEmail = () => `user-${crypto.randomUUID()}@bench.test`

/** Inserts users with the same password, the first one as the newest. */
export async function insertUsers(sql: Sql, users: number) {
  const password = await hash(PASSWORD, ARGON2ID)
  await sql`
    insert into users (email, password, username, created_at)
    select 'user-' || lpad(number::text, 7, '0') || '@bench.test', ${password}, 'user ' || number,
      now() - interval '1 minute' * number
    from generate_series(1, ${users}::int) number`
}

/** Fills a migrated Servauth database, including events and mails. All users have signed in from this machine before. */
export async function fillServauth(sql: Sql, users: number, sessionsEach: number) {
  await insertUsers(sql, users)
  await sql`
    insert into sessions (user_id, token, transport, expires_at, created_at, authenticated_at, ip_address, user_agent)
    select id, encode(sha256((id::text || number)::bytea), 'base64'), 'TOKEN', now() + interval '1 day' + interval '5 days' * random(),
      now() - interval '1 day' * number, now() - interval '1 day' * number, '192.0.2.1', 'filled in'
    from users, generate_series(1, ${sessionsEach}::int) number`
  await sql`insert into places (user_id, place, signed_in_at) select id, 'n:127.0.0.1', now() from users`
  await sql`
    insert into events (kind, user_id, ip_address, created_at)
    select 'login', id, '192.0.2.1', now() - interval '1 day' * number
    from users, generate_series(1, ${sessionsEach}::int) number`
  await sql`
    insert into mail_outbox (kind, recipient, user_id, status, expires_at)
    select 'email-verification', email, id, 'SENT', now() + interval '1 hour' from users`
  await sql`
    insert into verification (identifier, value, user_id, purpose, expires_at)
    select encode(sha256(id::text::bytea), 'base64'), email, id, 'EMAIL_VERIFICATION', now() + interval '1 hour'
    from users`
  await sql`vacuum analyze`
}
