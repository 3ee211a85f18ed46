import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { requireBearer } from './bearer.ts'

const {
  PORT = '4004',
  AUTH_URL = 'http://localhost:3000',
  ALLOWED_ORIGINS = 'http://localhost:4001,http://localhost:4002',
} = process.env

const app = new Hono()
// Before the token is checked: pages must be able to read a 401 too, and preflight requests have no token.
app.use(
  cors({ origin: ALLOWED_ORIGINS.split(','), allowHeaders: ['authorization', 'content-type'], maxAge: 600 }),
)
app.get('/orders/:id', requireBearer({ issuer: AUTH_URL }), (c) =>
  c.json({ id: c.req.param('id'), customer: c.var.userId }),
)

const { url } = Bun.serve({ port: PORT, hostname: 'localhost', fetch: app.fetch })
console.log(`The resource server listens on ${url.origin} and accepts access tokens of ${AUTH_URL}`)
