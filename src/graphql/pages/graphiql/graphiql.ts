import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createPage } from '../../../http/page.ts'
import { ROOT } from '../../../root.ts'

const POLICY =
  "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; " +
  "style-src 'self' 'unsafe-inline'; font-src data:; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** `GET /graphql`: GraphiQL with a tour of an account or of administration in its tabs, without a CDN. */
export function createGraphiQL() {
  return createPage({
    path: '/graphql',
    policy: POLICY,
    files: readFiles,
    body: (urls) => `<body class="no-focus-outline">
<noscript>GraphiQL needs JavaScript.</noscript>
<div id="root" data-editor="${urls.editorWorker}" data-json="${urls.jsonWorker}" data-graphql="${urls.graphqlWorker}"></div>
<script defer src="${urls.script}"></script>
<script defer src="${urls.tabs}"></script>
<script defer src="${urls.start}"></script>
</body>`,
  })
}

async function readFiles() {
  const { css, js, editorWorkerService, jsonWorker, graphqlWorker } = await import(
    '@graphql-yoga/render-graphiql/graphiql'
  )
  const own = (name: string) => readFile(join(ROOT, 'src/graphql/pages/graphiql', name))
  return {
    graphiql: { type: 'css', content: css },
    layout: { type: 'css', content: await own('layout.css') },
    script: { type: 'js', content: js },
    tabs: { type: 'js', content: await own('tabs.js') },
    start: { type: 'js', content: await own('start.js') },
    editorWorker: { type: 'js', content: editorWorkerService },
    jsonWorker: { type: 'js', content: jsonWorker },
    graphqlWorker: { type: 'js', content: graphqlWorker },
  } as const
}
