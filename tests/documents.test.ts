import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ENV_NAMES } from '../src/env.ts'
import { AuthError, CODES } from '../src/errors.ts'
import { createDatabase } from './support/database.ts'
import { freePort, startProcess, untilReady } from './support/process.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDERS = ['.', 'docs', 'examples', 'bench']
const documents = await Promise.all((await documentPaths()).map(readDocument))
const documentAt = (path: string) => documents.find((document) => document.path === path)

async function documentPaths() {
  const found = FOLDERS.map(async (folder) => {
    const names = await readdir(join(ROOT, folder)).catch(() => [])
    return names.filter((name) => name.endsWith('.md')).map((name) => join(folder, name))
  })
  return (await Promise.all(found)).flat()
}

async function readDocument(path: string) {
  const text = await readFile(join(ROOT, path), 'utf8')
  const prose = text.replace(/^ *```[\s\S]*?^ *```$/gm, '').replace(/`[^`\n]*`/g, (code) => code.slice(1, -1))
  return {
    path,
    text,
    links: [...prose.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => link),
    anchors: new Set([...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))),
    /** What is marked to be run, in order: its blocks continue one another. */
    script: [...text.matchAll(/^```sh run\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block).join('\n'),
  }
}

/** As GitHub makes them. */
function anchorOf(heading: string) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/ /g, '-')
}

test.each(documents)('the links of $path lead somewhere', ({ path, links }) => {
  const dead = links.filter((link) => {
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : relative(ROOT, join(ROOT, dirname(path), file))
    if (!existsSync(join(ROOT, target))) return true
    return anchor !== undefined && !documentAt(target)?.anchors.has(anchor)
  })

  expect(dead).toEqual([])
})

describe('the commands of', () => {
  let home: string
  let environment: Record<string, string>
  let server: ReturnType<typeof startProcess>
  let database: Awaited<ReturnType<typeof createDatabase>>

  beforeAll(async () => {
    database = await createDatabase()
    // A clone of its own, so that what the commands write stays out of this one.
    home = await mkdtemp(join(tmpdir(), 'servauth-documents-'))
    for (const name of ['package.json', 'src', 'node_modules', 'drizzle', 'examples']) {
      await symlink(join(ROOT, name), join(home, name))
    }
    // A refusal is a failure of the command.
    await writeFile(join(home, '.curlrc'), 'fail-with-body\nsilent\nshow-error\n')
    const port = String(await freePort())
    environment = {
      DATABASE_URL: database.url,
      AUTH_SECRET: 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0',
      PUBLIC_URL: `http://localhost:${port}`,
      PORT: port,
      LOG_LEVEL: 'error',
    }
    server = startProcess({ cwd: home, env: environment })
    await untilReady(environment.PUBLIC_URL ?? '')
    const person = { email: 'ada@example.com', password: 'a long enough phrase' }
    await fetch(`${environment.PUBLIC_URL}/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(person),
    })
  })
  afterAll(async () => {
    await server.stop()
    await database.drop()
    await rm(home, { recursive: true })
  })

  async function run(script: string) {
    const here = script.replaceAll('http://localhost:3000', environment.PUBLIC_URL ?? '')
    const { PATH = '' } = process.env
    const env = { ...environment, HOME: home, PATH: `${join(ROOT, 'node_modules/.bin')}:${PATH}` }
    const shell = spawn('sh', ['-e', '-u', '-c', here], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk) => (output += chunk))
    const [code] = await once(shell, 'close')
    return { code, output }
  }

  test.each(documents.filter(({ script }) => script !== ''))(
    '$path work as they stand',
    async ({ path, script }) => {
      // The README makes this account itself.
      if (path === 'README.md') await database.sql`delete from users where email = 'ada@example.com'`

      const { code, output } = await run(script)

      expect([code, output]).toEqual([0, expect.not.stringMatching(/"errors"|"code"/)])
    },
    60_000,
  )

  test('a document that does not work would be found', async () => {
    const { code } = await run('curl http://localhost:3000/auth/me\necho fine')

    expect(code).not.toBe(0)
  })
})

test('every setting is in the table', () => {
  const settings = documentAt('docs/operations.md')?.text ?? ''
  /** Rows that stand for several. */
  const rowOf = (name: string) =>
    name.replace(/^OTEL_.*/, 'OTEL_EXPORTER_OTLP_ENDPOINT').replace(/^ARGON2_(PASSES|LANES)$/, '_$1')

  expect(ENV_NAMES.filter((name) => !settings.includes(`\`${rowOf(name)}\``))).toEqual([])
})

test('every code is in the table, with its status', () => {
  const table = documentAt('docs/errors.md')?.text ?? ''
  const rows = [...table.matchAll(/^\| `([A-Z_]+)` +\| (\d{3}) /gm)].map(([, code, status]) => [code, status])

  expect(new Map(rows as [string, string][])).toEqual(
    new Map(CODES.map((code) => [code, String(new AuthError(code).status)])),
  )
})
