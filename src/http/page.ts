import { answer } from './answer.ts'
import type { RequestContext } from './context.ts'
import { createPageFiles, type Source } from './page-files.ts'

type Options<Name extends string> = {
  /** The path of the page, under which its files are too. */
  path: string
  /** The Content-Security-Policy, which must allow the page and its files and nothing else. */
  policy: string
  files: () => Promise<Record<Name, Source>>
  /** The element `<body>`, with the scripts. The styles are linked in the head. */
  body: (urls: Record<Name, string>) => string
}

/** A page of this server, for developers: it needs no CDN. */
export function createPage<Name extends string>({ path, policy, files, body }: Options<Name>) {
  const { urls, serve } = createPageFiles(path, files)

  async function page(c: RequestContext) {
    const found = await urls()
    const styles = Object.values<string>(found).filter((url) => url.endsWith('.css'))
    const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Servauth</title>
<link rel="icon" href="data:,">
${styles.map((url) => `<link rel="stylesheet" href="${url}">`).join('\n')}
</head>
${body(found)}
</html>
`
    return answer(c, html, 200, 'text/html; charset=utf-8', {
      'Cache-Control': 'no-cache',
      'Content-Security-Policy': policy,
    })
  }

  return { page, file: serve }
}
