import { readFile } from 'node:fs/promises'
import type { AppContext } from '../../../http/context.ts'
import { createPageFiles } from '../../../http/page-files.ts'

const POLICY =
  "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; " +
  "style-src 'self' 'unsafe-inline'; font-src data:; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** `GET /graphql`: GraphiQL with a tour in its tabs. All its files come from this server, and none from a CDN. */
export function createGraphiQL() {
  const files = createPageFiles('/graphql', readFiles)

  async function page(c: AppContext) {
    const urls = await files.urls()
    const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Servauth</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${urls.graphiql}">
<link rel="stylesheet" href="${urls.layout}">
</head>
<body class="no-focus-outline">
<noscript>GraphiQL needs JavaScript.</noscript>
<div id="root" data-editor="${urls.editorWorker}" data-json="${urls.jsonWorker}" data-graphql="${urls.graphqlWorker}"></div>
<script defer src="${urls.script}"></script>
<script defer src="${urls.tour}"></script>
</body>
</html>
`
    return c.body(html, 200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-cache',
      'Content-Security-Policy': POLICY,
    })
  }

  return { page, file: files.serve }
}

async function readFiles() {
  const { css, js, editorWorkerService, jsonWorker, graphqlWorker } = await import(
    '@graphql-yoga/render-graphiql/graphiql'
  )
  const own = (name: string) => readFile(new URL(name, import.meta.url))
  return {
    graphiql: { type: 'css', content: css },
    layout: { type: 'css', content: await own('layout.css') },
    script: { type: 'js', content: js },
    tour: { type: 'js', content: await own('tour.js') },
    editorWorker: { type: 'js', content: editorWorkerService },
    jsonWorker: { type: 'js', content: jsonWorker },
    graphqlWorker: { type: 'js', content: graphqlWorker },
  } as const
}
