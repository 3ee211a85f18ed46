import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { version } from '../../../package.json' with { type: 'json' }
import { createPage } from '../../http/page.ts'
import { ROOT } from '../../root.ts'

const POLICY =
  "default-src 'none'; script-src 'self'; connect-src 'self'; " +
  "style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const require = createRequire(import.meta.url)

/** `GET /docs`: Swagger UI for the OpenAPI document, without a CDN. */
export function createReference() {
  return createPage({
    path: '/docs',
    policy: POLICY,
    files: readFiles,
    body: (urls) => `<body>
<noscript>This page needs JavaScript.</noscript>
<div id="reference" data-version="${version}"></div>
<script defer src="${urls.script}"></script>
<script defer src="${urls.start}"></script>
</body>`,
  })
}

async function readFiles() {
  const own = (name: string) => readFile(join(ROOT, 'src/rest/reference', name))
  return {
    swagger: { type: 'css', content: await readFile(require.resolve('swagger-ui-dist/swagger-ui.css')) },
    layout: { type: 'css', content: await own('layout.css') },
    script: { type: 'js', content: await readFile(require.resolve('swagger-ui-dist/swagger-ui-bundle.js')) },
    start: { type: 'js', content: await own('start.js') },
  } as const
}
