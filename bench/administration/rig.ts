import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { createServiceKey } from '../../src/auth/services/service-key-secret.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Bench } from '../rig/bench.ts'
import { insertUsers } from '../subjects/accounts.ts'
import { createServerCommand, insertSessions } from '../subjects/servauth.ts'

/** How many of the users have roles and claims: as many as sign in or refresh. */
export const USERS_WITH_ROLES = 5000

/** A database with many users, some of them with roles and claims, and a service key that may read users. */
export async function openRig(bench: Bench, users: number) {
  const databaseUrl = await bench.databases.create('administration')
  await migrate({ DATABASE_URL: databaseUrl })
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  // Inserts a million users minutes faster, because it skips triggers and foreign keys.
  await sql`set session_replication_role = replica`
  await insertUsers(sql, users)
  await sql`insert into roles (name, permissions, changed_at) values
    ('editor', '{posts:write,posts:publish}', now() - interval '1 day'),
    ('support', '{users:read,users:write,events:read}', now() - interval '1 day')`
  await sql`update users set roles = '{editor,support}', claims = '{"plan":"pro","seats":12}',
    claims_changed_at = now() - interval '1 day'
    where id in (select id from users order by created_at desc limit ${USERS_WITH_ROLES})`
  await sql`set session_replication_role = origin`
  const { key, hash } = createServiceKey()
  await sql`insert into service_keys (name, hash, scopes) values ('bench', ${hash}, '{roles:read,tokens:introspect}')`
  await sql`vacuum analyze`

  const secret = randomBytes(32).toString('base64url')
  const newest = await sql<{ id: string; email: string }[]>`
    select id, email from users order by created_at desc limit ${2 * USERS_WITH_ROLES}`

  return {
    sql,
    key,
    databaseUrl,
    server: createServerCommand(databaseUrl, secret),
    withRoles: newest.slice(0, USERS_WITH_ROLES),
    withoutRoles: newest.slice(USERS_WITH_ROLES),
    /** The refresh tokens of new sessions, one for each of these users in turn. */
    async openSessions(users: { id: string }[], count: number) {
      const userIds = Array.from({ length: count }, (_, index) => String(users[index % users.length]?.id))
      return (await insertSessions(sql, secret, userIds)).map(({ refreshToken }) => refreshToken)
    },
    close: () => sql.end(),
  }
}
