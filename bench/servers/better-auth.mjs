import { hash, verify } from '@node-rs/argon2'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { Hono } from 'hono'
import { Pool } from 'pg'
import { ARGON2ID } from './argon2-options.ts'

/**
 * Better-Auth as its documentation sets it up for PostgreSQL and Hono. Its rate limit is off, like ours. With
 * `HASH=argon2id` it hashes passwords like Servauth, otherwise with its own scrypt.
 */
const port = Number(process.env.PORT ?? 3000)
const auth = betterAuth({
  baseURL: `http://localhost:${port}`,
  secret: process.env.AUTH_SECRET ?? '',
  database: new Pool({ connectionString: process.env.DATABASE_URL, max: 20 }),
  emailAndPassword: {
    enabled: true,
    ...(process.env.HASH === 'argon2id' && {
      password: {
        hash: (password) => hash(password, ARGON2ID),
        verify: ({ hash, password }) => verify(hash, password),
      },
    }),
  },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
})

if (process.argv.includes('migrate')) {
  const { runMigrations } = await getMigrations(auth.options)
  await runMigrations()
  process.exit(0)
}

const app = new Hono().on(['GET', 'POST'], '/api/auth/*', (c) => auth.handler(c.req.raw))

Bun.serve({ port, idleTimeout: 30, fetch: app.fetch })
