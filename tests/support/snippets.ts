import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../../src/root.ts'

/** The snippets of a document: each names its file in its first line. */
export async function snippetsOf(document: string) {
  const text = await readFile(join(ROOT, 'docs', `${document}.md`), 'utf8')
  const blocks = [...text.matchAll(/^```(ts|tsx|js|python)\n([\s\S]*?)^```$/gm)]
  const snippets = blocks.map(([, language, code = '']) => {
    const [, path] = /^(?:\/\/|#) (\S+)\n/.exec(code) ?? []
    return { language, code, path: path ?? '' }
  })
  const packages = [...text.matchAll(/npm install (?:--save-dev )?([^`\n]+)/g)]
  const names = packages.flatMap(([, names = '']) => names.trim().split(' '))
  return { snippets, packages: names.filter((name) => !name.endsWith('.tgz')) }
}
