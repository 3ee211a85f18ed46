import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Hono } from 'hono'
import { version } from '../../../package.json' with { type: 'json' }
import type { AppContext, AppEnv } from '../../http/context.ts'
import { createPageFiles } from '../../http/page-files.ts'

const POLICY =
  "default-src 'none'; script-src 'self'; connect-src 'self'; " +
  "style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const require = createRequire(import.meta.url)

/** `GET /docs`: Swagger UI for the OpenAPI document, without a CDN. */
export function referenceRoutes() {
  const files = createPageFiles('/docs', readFiles)

  async function page(c: AppContext) {
    const urls = await files.urls()
    const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Servauth</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${urls.swagger}">
<link rel="stylesheet" href="${urls.layout}">
</head>
<body>
<noscript>This page needs JavaScript.</noscript>
<div id="reference" data-version="${version}"></div>
<script defer src="${urls.script}"></script>
<script defer src="${urls.start}"></script>
</body>
</html>
`
    return c.body(html, 200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-cache',
      'Content-Security-Policy': POLICY,
    })
  }

  const app = new Hono<AppEnv>()
  app.get('/', page)
  app.get('/:file', files.serve)
  return app
}

async function readFiles() {
  const own = (name: string) => readFile(new URL(name, import.meta.url))
  return {
    swagger: { type: 'css', content: await readFile(require.resolve('swagger-ui-dist/swagger-ui.css')) },
    layout: { type: 'css', content: await own('layout.css') },
    script: { type: 'js', content: await readFile(require.resolve('swagger-ui-dist/swagger-ui-bundle.js')) },
    start: { type: 'js', content: await own('start.js') },
  } as const
}
