import { Hono } from 'hono'
import { USER } from './user.ts'

/** The upper limit for REST: one route that answers a constant. */
const app = new Hono()
app.get('/health', (c) => c.text('ok'))
app.get('/auth/me', (c) => c.json(USER))

Bun.serve({ port: Number(process.env.PORT), idleTimeout: 30, fetch: app.fetch })
