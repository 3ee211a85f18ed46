import { randomBytes, randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Hono } from 'hono'
import type { AppContext, AppEnv } from '../http/context.ts'

const require = createRequire(import.meta.url)

const STYLE = () => require.resolve('swagger-ui-dist/swagger-ui.css')
const SCRIPT = () => require.resolve('swagger-ui-dist/swagger-ui-bundle.js')

/** `GET /docs`: Swagger UI for the OpenAPI document, without a CDN. */
export function referenceRoutes() {
  const app = new Hono<AppEnv>()

  app.get('/', page)
  app.get('/swagger-ui.css', async (c) => asset(c, STYLE(), 'text/css; charset=utf-8'))
  app.get('/swagger-ui-bundle.js', async (c) => asset(c, SCRIPT(), 'text/javascript; charset=utf-8'))
  return app
}

async function asset(c: AppContext, path: string, type: string) {
  const content = await readFile(path)
  c.header('Cache-Control', 'public, max-age=300')
  return c.body(content, 200, { 'Content-Type': type })
}

/**
 * Requests go to the origin of the page, so that the browser sends the cookie. Each page has a new address in its
 * examples, so that `register` works more than once.
 */
function page(c: AppContext) {
  const nonce = randomBytes(16).toString('base64')
  const document = `(await (await fetch('/openapi.json')).text())
    .replaceAll('ada@example.com', 'ada+${randomInt(1000, 10_000)}@example.com')`
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Servauth</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script nonce="${nonce}" src="/docs/swagger-ui-bundle.js"></script>
<script nonce="${nonce}" type="module">
  const spec = JSON.parse(${document})
  spec.servers = [{ url: location.origin }]
  SwaggerUIBundle({ spec, dom_id: '#reference', deepLinking: true, tryItOutEnabled: true })
</script>
</body>
</html>
`
  return c.body(html, 200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy':
      `default-src 'none'; script-src 'nonce-${nonce}'; connect-src 'self'; ` +
      "style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  })
}
