import { spawnSync } from 'node:child_process'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { startDevelopment } from './support/browser.ts'
import { createFolder } from './support/folder.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** What a new project of Vite's template `react-ts` installs, as far as a build needs it. */
const VITE_TEMPLATE = ['react', 'react-dom', '@types/react', '@types/react-dom', 'typescript', 'vite']

/** The options of `tsconfig.app.json` in that template. */
const COMPILER_OPTIONS = {
  target: 'es2023',
  lib: ['ES2023', 'DOM'],
  module: 'esnext',
  types: ['vite/client'],
  allowArbitraryExtensions: true,
  skipLibCheck: true,
  moduleResolution: 'bundler',
  allowImportingTsExtensions: true,
  verbatimModuleSyntax: true,
  moduleDetection: 'force',
  noEmit: true,
  jsx: 'react-jsx',
  noUnusedLocals: true,
  noUnusedParameters: true,
  erasableSyntaxOnly: true,
  noFallthroughCasesInSwitch: true,
}

const DOCUMENTS = ['front-end', 'rest', 'services', 'proxies', 'operations', 'better-auth', 'errors', 'api']

/** The snippets of a document: each names its file in its first line. */
async function snippetsOf(document: string) {
  const text = await readFile(join(ROOT, 'docs', `${document}.md`), 'utf8')
  const blocks = [...text.matchAll(/^```(ts|tsx|python)\n([\s\S]*?)^```$/gm)]
  const snippets = blocks.map(([, language, code = '']) => {
    const [, path] = /^(?:\/\/|#) (\S+)\n/.exec(code) ?? []
    return { language, code, path: path ?? '' }
  })
  const packages = [...text.matchAll(/npm install (?:--save-dev )?([^`\n]+)/g)]
  return { snippets, packages: packages.flatMap(([, names = '']) => names.trim().split(' ')) }
}

/** A project in a new folder, in which only the named packages can be imported. No package is downloaded. */
async function createProject(packages: string[]) {
  const folder = await createFolder()
  for (const name of new Set(packages)) {
    await mkdir(dirname(join(folder, 'node_modules', name)), { recursive: true })
    await symlink(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  }
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  await write('package.json', JSON.stringify({ type: 'module' }))
  const run = (command: string) => {
    const [name = '', ...args] = command.split(' ')
    const { status, stdout, stderr } = spawnSync(join(ROOT, 'node_modules/.bin', name), args, { cwd: folder })
    return { status, output: `${stdout}${stderr}` }
  }
  return { folder, write, run }
}

const PASSED = { status: 0, output: expect.anything() }

test.each(DOCUMENTS)('every snippet of docs/%s.md names its file', async (document) => {
  const { snippets } = await snippetsOf(document)

  expect(snippets.filter(({ path }) => path === '')).toEqual([])
})

describe('the snippets of docs/front-end.md', () => {
  test('the snippets generate types, compile and build as pasted in a new app of Vite and React', async () => {
    const { url } = await startDevelopment()
    const { snippets, packages } = await snippetsOf('front-end')
    const { folder, write, run } = await createProject([...VITE_TEMPLATE, ...packages])
    await cp(join(ROOT, 'examples/operations'), join(folder, 'src/operations'), { recursive: true })
    for (const path of ['browser/session.ts', 'shared/rest.ts']) {
      await cp(join(ROOT, 'examples', path), join(folder, 'src', path))
    }
    for (const { path, code } of snippets) {
      await write(path, code.replaceAll('http://localhost:3000', url))
    }
    const components = snippets.filter(({ path }) => path.startsWith('src/'))
    const imports = components.map(({ path }, index) => {
      const module = path.replace(/^src\/(.*)\.tsx?$/, './$1')
      return `import * as part${index} from '${module}'\nconsole.log(part${index})`
    })
    await write('src/main.ts', imports.join('\n'))
    await write('index.html', '<!doctype html><script type="module" src="/src/main.ts"></script>')
    await write('tsconfig.json', JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ['src'] }))

    expect(components).toHaveLength(3)
    expect(run('graphql-codegen')).toEqual(PASSED)
    expect(run('tsc')).toEqual(PASSED)
    expect(run('vite build')).toEqual(PASSED)
  })
})

describe('the snippets of docs/services.md', () => {
  test('the snippet for jose compiles as pasted', async () => {
    const { snippets, packages } = await snippetsOf('services')
    const { write, run } = await createProject(packages)
    for (const { path, code } of snippets) await write(path, code)
    const compilerOptions = { module: 'nodenext', target: 'es2023', lib: ['ES2023', 'DOM'], noEmit: true }
    await write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['*.ts'] }))

    expect(run('tsc')).toEqual(PASSED)
  })

  const hasPython = spawnSync('python3', ['--version']).status === 0

  test.skipIf(!hasPython)('the snippets for Python compile, and allow for the clocks', async () => {
    const { snippets } = await snippetsOf('services')
    const python = snippets.filter(({ language }) => language === 'python')

    expect(python).not.toEqual([])
    for (const { code } of python) {
      expect(code).toContain('leeway=30')
      const { status, stderr } = spawnSync('python3', ['-c', 'import ast,sys; ast.parse(sys.stdin.read())'], {
        input: code,
      })
      expect([status, String(stderr)]).toEqual([0, ''])
    }
  })
})
