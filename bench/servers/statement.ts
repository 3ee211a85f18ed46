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

Bun.serve({ port: Number(process.env.PORT), idleTimeout: 30, fetch: app.fetch })
