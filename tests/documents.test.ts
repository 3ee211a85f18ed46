import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { median, type Results } from '../bench/rig/results.ts'
import { limitsPage } from '../docs/limits.ts'
import { LINK_PATHS } from '../src/auth/mailing/mail-composer.ts'
import { fieldLocationsOf, type Operation, objectIn } from '../src/contract/operation.ts'
import { operations } from '../src/contract/operations.ts'
import { ENV_NAMES, loadEnv } from '../src/env.ts'
import { AuthError, CODES } from '../src/errors.ts'
import { MAX_BODY_BYTES } from '../src/http/steps/body.ts'
import { IDLE_SECONDS } from '../src/process/listener.ts'
import { createDatabase } from './support/database.ts'
import { freePort, startProcess, untilReady } from './support/process.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PACKAGES = ['apollo', 'client', 'urql', 'verify'].map((name) => `packages/${name}`)
const FOLDERS = [
  '.',
  'docs',
  'docs/decisions',
  'docs/moving',
  'docs/services',
  'examples',
  'bench',
  ...PACKAGES,
]
const documents = await Promise.all((await documentPaths()).map(readDocument))

const sources = (
  await Promise.all(['src', 'examples'].map((folder) => readdir(join(ROOT, folder), { recursive: true })))
).flat()

async function documentPaths() {
  const found = FOLDERS.map(async (folder) => {
    const names = await readdir(join(ROOT, folder))
    return names.filter((name) => name.endsWith('.md')).map((name) => join(folder, name))
  })
  return (await Promise.all(found)).flat()
}

async function readDocument(path: string) {
  const text = await readFile(join(ROOT, path), 'utf8')
  const prose = text.replace(/^ *```[\s\S]*?^ *```$/gm, '')
  const unquoted = prose.replace(/`[^`\n]*`/g, (code) => code.slice(1, -1))
  return {
    path,
    text,
    prose,
    links: [...unquoted.matchAll(/\]\((?!https?:)([^)\s]+)\)|^\[[^\]]+\]: (?!https?:)(\S+)$/gm)].map(
      ([, inline, reference]) => inline ?? reference ?? '',
    ),
    anchors: new Set([...unquoted.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))),
    /** The blocks that are marked to be run, in order: each continues the one before. */
    script: [...text.matchAll(/^```sh run\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block).join('\n'),
  }
}

/** The anchor that GitHub gives to a heading. */
function anchorOf(heading: string) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/ /g, '-')
}

function documentAt(path: string) {
  const found = documents.find((document) => document.path === path)
  if (!found) throw new TypeError(`There is no document ${path}`)
  return found
}

/** The rows of all tables of a document, without the heads. */
function rowsOf(path: string) {
  const lines = documentAt(path).text.split('\n')
  const isRule = (line = '') => /^\| -/.test(line)
  return lines
    .filter((line, index) => line.startsWith('|') && !isRule(line) && !isRule(lines[index + 1]))
    .map((line) => line.slice(1, -1).split('|'))
    .map((cells) => cells.map((cell) => cell.trim()))
}

const namesIn = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

test.each(documents)('the links of $path lead to existing files and headings', ({ path, links }) => {
  const dead = links.filter((link) => {
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : relative(ROOT, join(ROOT, dirname(path), file))
    if (!existsSync(join(ROOT, target))) return true
    return anchor !== undefined && !documentAt(target).anchors.has(anchor)
  })

  expect(dead).toEqual([])
})

test.each(documents)('the source files that $path names exist', ({ path, prose }) => {
  const named = namesIn(prose).filter((name) => /^\w[\w./-]*\.ts$/.test(name))
  const roots = [ROOT, join(ROOT, 'src'), join(ROOT, dirname(path))]
  const isThere = (name: string) =>
    roots.some((root) => existsSync(join(root, name))) ||
    sources.some((source) => source.endsWith(`/${name}`))

  expect(named.filter((name) => !isThere(name))).toEqual([])
})

describe('the commands of the documents', () => {
  let home: string
  let environment: Record<string, string>
  let server: ReturnType<typeof startProcess>
  let database: Awaited<ReturnType<typeof createDatabase>>

  beforeAll(async () => {
    database = await createDatabase()
    // A clone of its own, so that the files that the commands write stay out of this one.
    home = await mkdtemp(join(tmpdir(), 'servauth-documents-'))
    for (const name of ['package.json', 'src', 'node_modules', 'drizzle', 'examples']) {
      await symlink(join(ROOT, name), join(home, name))
    }
    // With this, a refused request is a failed command.
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
    'the commands in $path succeed, one after the other',
    async ({ path, script }) => {
      // The README creates this account itself.
      if (path === 'README.md') await database.sql`delete from users where email = 'ada@example.com'`

      const { code, output } = await run(script)

      expect([code, output]).toEqual([0, expect.not.stringMatching(/"errors"|"code"/)])
    },
  )

  test('a command that fails is found', async () => {
    const { code } = await run('curl http://localhost:3000/auth/me\necho fine')

    expect(code).not.toBe(0)
  })
})

describe('the table of settings in docs/operations.md', () => {
  /** Some rows name several settings, and shorten the later names. */
  const nameOf = (name: string) =>
    name.replace(/^OTEL_.*/, 'OTEL_EXPORTER_OTLP_ENDPOINT').replace(/^ARGON2_(PASSES|LANES)$/, '_$1')
  const rows = rowsOf('docs/operations.md')

  test('the table of settings has every setting', () => {
    const named = rows.flatMap(([name]) => namesIn(name))

    expect(ENV_NAMES.filter((name) => !named.includes(nameOf(name)))).toEqual([])
  })

  test('the table of settings has the defaults of the code', () => {
    const secret = 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0'
    const required = {
      DATABASE_URL: 'postgres://x',
      AUTH_SECRET: secret,
      PUBLIC_URL: 'https://auth.example.com',
    }
    const env: Record<string, unknown> = loadEnv(required)
    const written = (value: unknown) => (value === 'on' ? 'true' : value)
    const given = rows
      .filter(([, value = '']) => /^(\d+|on|info|production|(true|false).*)$/.test(value))
      .flatMap(([names, value = '']) => namesIn(names).map((name) => [name, written(value.split(';')[0])]))

    expect(given.length).toBeGreaterThan(8)
    expect(given).toEqual(given.map(([name]) => [name, String(env[String(name)])]))
  })
})

test('the examples can run at the same time, each on its own port', async () => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  const server = await readFile(join(ROOT, 'examples/resource-server/server.ts'), 'utf8')
  const settings = await readFile(join(ROOT, 'examples/.env.development'), 'utf8')
  const pages = [
    ...Object.values<string>(scripts)
      .join('\n')
      .matchAll(/--port=(\d+)/g),
  ].map(([, port]) => port)
  const [, port] = /PORT = '(\d+)'/.exec(server) ?? []

  expect(pages).toHaveLength(3)
  expect(new Set([...pages, port]).size).toBe(4)
  expect(settings).toContain(`BUN_PUBLIC_API_URL=http://localhost:${port}\n`)
})

test('docs/errors.md has every code with its status', () => {
  const rows = rowsOf('docs/errors.md').filter(([, status = '']) => /^\d{3}$/.test(status))

  expect(new Map(rows.map(([code, status]) => [namesIn(code)[0], status]))).toEqual(
    new Map(CODES.map((code) => [code, String(new AuthError(code).status)])),
  )
})

test('docs/events.md has every kind of event, and no other', async () => {
  const kinds = await readFile(join(ROOT, 'src/auth/events/kinds.ts'), 'utf8')
  const { text } = await readDocument('docs/events.md')
  const listed = [...text.matchAll(/^\| (`[^|]+`) +\|/gm)].flatMap(
    ([, cell = '']) => cell.match(/[a-z_]+/g) ?? [],
  )

  expect(listed.sort()).toEqual([...kinds.matchAll(/^ {2}\| '(.+)'/gm)].map(([, kind]) => kind).sort())
})

test('docs/api.md has every operation with its path and status', () => {
  const defined = Object.entries<Operation>(operations).map(([name, operation]) => {
    const { input, rest } = operation
    const fields = input ? Object.keys(objectIn(input).shape) : []
    const isPlain = fieldLocationsOf(operation).body.length === 0
    const given = fields.length === 0 ? '' : `(${isPlain ? fields.join(', ') : 'input'})`
    return `${name}${given} ${rest.method} ${rest.path} ${rest.status}`
  })
  const written = rowsOf('docs/api.md').map(([field, rest = '']) => {
    return [...namesIn(field), ...namesIn(rest), rest.split('→ ')[1]].join(' ')
  })

  expect(written.sort()).toEqual(defined.sort())
})

test('every page of a mailed link is in the documents, and the examples have it', async () => {
  const paths = Object.values(LINK_PATHS).sort()
  const example = await readFile(join(ROOT, 'examples/browser/link-page.ts'), 'utf8')

  expect([...example.matchAll(/^ {2}'([a-z-]+)': \{$/gm)].map(([, path]) => path).sort()).toEqual(paths)
  for (const guide of ['docs/accounts-under-attack.md', 'docs/front-end.md']) {
    expect([guide, paths.filter((path) => !documentAt(guide).prose.includes(`\`/${path}\``))]).toEqual([
      guide,
      [],
    ])
  }
})

test('docs/limits.md is up to date; `bun docs/limits.ts` writes it', async () => {
  expect(documentAt('docs/limits.md').text).toBe(await limitsPage())
})

describe('a limit', () => {
  /** Advice to others and measurements are no limits of Servauth's; decisions are dated, and old ones stay. */
  const others = documents.filter(({ path }) => !/limits\.md$|CHANGELOG|decisions|^bench/.test(path))
  const values = rowsOf('docs/limits.md').flatMap(([, value = '']) => {
    const [count, unit = ''] = value.split(' ')
    return /^(KiB|seconds|minutes|hours|days|ms)$/.test(unit) ? [`${count} ${unit}`] : []
  })
  /** A promise, which SECURITY and README name beside the link. */
  const promised = '250 ms'
  const repeatable = new Set([promised])

  test.each(others)('a limit is not repeated in $path', ({ prose }) => {
    const unquoted = prose.replace(/"[^"\n]*"/g, '')
    const repeated = values.filter(
      (value) => !repeatable.has(value) && new RegExp(`\\b${value}\\b`).test(unquoted),
    )

    expect(repeated).toEqual([])
  })

  test.each(['schema.graphql', 'src/mail/languages/en.ts', 'src/rest/openapi-document.ts'])(
    'a limit that %s names has the value of the code',
    async (path) => {
      const text = await readFile(join(ROOT, path), 'utf8')
      const named = [...text.matchAll(/\b\d+ (?:KiB|seconds|minutes|hours|days|ms)\b/g)].map(
        ([value]) => value,
      )

      expect(named.filter((value) => !values.includes(value))).toEqual([])
    },
  )

  test('the proxies of docs/proxies.md keep the limits of the server', () => {
    const { text } = documentAt('docs/proxies.md')
    const idle = [
      ...text.matchAll(
        /(?:keepalive|keepalive_timeout|http-keep-alive) (\d+)s|Idle timeout:\*\* (\d+)|ttl=(\d+)|options: \{ idle_timeout: (\d+)s/g,
      ),
    ]
    const [, maxBody] = /client_max_body_size (\d+)k;/.exec(text) ?? []

    expect(idle).toHaveLength(7)
    const seconds = idle.map(([, ...values]) => Number(values.find(Boolean)))
    expect(Math.max(...seconds)).toBeLessThan(IDLE_SECONDS)
    expect(Number(maxBody) * 1024).toBe(Math.max(...Object.values(MAX_BODY_BYTES)))
  })
})

test('the figures of README.md are those of the last bench', async () => {
  const { text } = documentAt('README.md')
  const { results } = JSON.parse(await readFile(join(ROOT, 'bench/results/results.json'), 'utf8')) as Results
  const answers = (operation: string, subject: string) => {
    const found = results.find((result) => result.operation === operation && result.subject === subject)
    return Number(median(found?.values ?? []).toPrecision(2)).toLocaleString('en-US')
  }
  const [rest, graphql] = ['`me` by REST', '`me` by GraphQL']
  const sentences = [
    `\`me\` costs no database query: ${answers(rest, 'Servauth, bearer')} answers a second on one core`,
    `By REST, \`me\` answers ${answers(rest, 'Servauth, bearer')} times a second, bare Hono with a constant ` +
      `${answers(rest, 'bare Hono')}, and Better-Auth's session route ${answers(rest, 'Better-Auth')}.`,
    `By GraphQL, \`me\` answers ${answers(graphql, 'Servauth, bearer')} times a second, and a trimmed Yoga with a ` +
      `constant ${answers(graphql, 'trimmed Yoga')}.`,
  ]

  expect(sentences.filter((sentence) => !text.replace(/\s+/g, ' ').includes(sentence))).toEqual([])
})

test('the imports of src are those of ARCHITECTURE.md', async () => {
  const SHARED = ['env.ts', 'errors.ts', 'deadline.ts', 'root.ts', 'span.ts', 'worker.ts']
  // The settings are one part: env.ts reads what the folder defines.
  const partOf = (path: string) => (path.startsWith('settings/') ? 'env.ts' : (path.split('/')[0] ?? ''))
  const allowed = new Map(
    rowsOf('ARCHITECTURE.md').map(([part, , imports]) => [partOf(namesIn(part)[0] ?? ''), namesIn(imports)]),
  )
  const paths = (await readdir(join(ROOT, 'src'), { recursive: true })).filter((path) => path.endsWith('.ts'))
  const found = new Map<string, Set<string>>()
  for (const path of paths) {
    const source = await readFile(join(ROOT, 'src', path), 'utf8')
    const imported = [...source.matchAll(/(?:from |import\()'(\.[^']+\.ts)'/g)]
      .map(([, target = '']) => partOf(normalize(join(dirname(path), target))))
      .filter((part) => part !== partOf(path) && !(SHARED.includes(part) && !SHARED.includes(partOf(path))))
    const known = found.get(partOf(path)) ?? new Set()
    found.set(partOf(path), new Set([...known, ...imported]))
  }
  found.delete('index.ts')
  // The settings alone read connection strings.
  expect([...(found.get('env.ts') ?? [])]).toEqual(['libpq'])
  for (const name of SHARED.slice(1)) expect([name, ...(found.get(name) ?? [])]).toEqual([name])
  for (const name of SHARED) found.delete(name)

  const sorted = (parts: Iterable<string>) => [...parts].sort()
  expect(Object.fromEntries([...found].map(([part, imports]) => [part, sorted(imports)]))).toEqual(
    Object.fromEntries([...allowed].map(([part, imports]) => [part, sorted(imports)])),
  )
})

test('docs/decisions lists every topic, and each begins with its newest entry', async () => {
  const topics = documents.filter(({ path }) => /^docs\/decisions\/[a-z-]+\.md$/.test(path))
  const listed = rowsOf('docs/decisions/README.md').map(([topic = '']) => /\((.+)\)/.exec(topic)?.[1])

  expect(listed).toEqual(topics.map(({ path }) => path.slice('docs/decisions/'.length)).sort())
  for (const { path, text } of topics) {
    const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading = '']) => heading)
    const dates = headings.map((heading) => /^(\d{4}-\d\d-\d\d): [A-Z`]/.exec(heading)?.[1] ?? heading)
    expect([path, dates]).toEqual([path, [...dates].sort().reverse()])
  }
})
