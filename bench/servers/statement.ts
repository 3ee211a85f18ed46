import { Hono } from 'hono'
import postgres from 'postgres'

/** The minimal cost of a session check that queries the database at every request: one prepared join. */
const sql = postgres(process.env.DATABASE_URL ?? '', { max: 20, fetch_types: false })

const app = new Hono()
app.get('/health', (c) => c.text('ok'))
app.get('/auth/me', async (c) => {
  const id = c.req.header('authorization')?.slice('Bearer '.length) ?? ''
  const [user] = await sql`
    select users.id, email, email_verified as "emailVerified", pending_email as "pendingEmail", username,
      users.created_at as "createdAt", users.updated_at as "updatedAt"
    from sessions join users on users.id = sessions.user_id
    where sessions.id = ${id} and expires_at > now()`
  return user ? c.json(user) : c.body(null, 401)
})

const bearerOf = (header = '') => header.slice('Bearer '.length)

app.get('/auth/sessions', async (c) => {
  const id = bearerOf(c.req.header('authorization'))
  return c.json(
    await sql`
    select one.id, one.created_at as "createdAt", one.last_used_at as "lastUsedAt", one.expires_at as "expiresAt",
      one.ip_address as "ipAddress", one.user_agent as "userAgent"
    from sessions join sessions as one on one.user_id = sessions.user_id
    where sessions.id = ${id} and one.expires_at > now() order by one.created_at desc, one.id desc`,
  )
})

app.get('/auth/events', async (c) => {
  const id = bearerOf(c.req.header('authorization'))
  return c.json(
    await sql`
    select events.id, kind, events.created_at as "createdAt", events.ip_address as "ipAddress", events.user_agent as "userAgent"
    from sessions join events on events.user_id = sessions.user_id
    where sessions.id = ${id} order by last_at desc, events.id desc limit 20`,
  )
})

/** The statement of the administrators' list without anything around it: no check, no cursors, no page. */
app.get('/auth/admin/users', async (c) =>
  c.json(
    await sql`
    select id, email, email_verified as "emailVerified", pending_email as "pendingEmail", username, locale, roles,
      created_at as "createdAt", updated_at as "updatedAt", claims, disabled_at as "disabledAt",
      second_factor_at as "secondFactorAt", factor_recovery_at as "factorRecoveryAt"
    from users order by created_at desc, id desc limit 50`,
  ),
)

Bun.serve({ port: Number(process.env.PORT), idleTimeout: 30, fetch: app.fetch })
