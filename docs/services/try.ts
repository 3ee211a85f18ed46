import { execFileSync, spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Runs pages of this folder by hand: pastes their files into a project, starts it beside a Servauth of its own, and asks
 * it with a valid token, with an invalid one and without one. These need other toolchains, so no test runs them.
 */

const HERE = dirname(fileURLToPath(import.meta.url))
const ROOT = join(HERE, '../..')
const MAX_START_MS = 300_000

type Stack = {
  page: string
  /** Of Servauth. */
  settings?: Record<string, string>
  /** A file of the page that is left out. */
  without?: string
  /** The commands that start the service, the last one after the others have ended. */
  commands: string[][]
  request?: { path: string; body: string }
}

const MAVEN = [
  ['mvn', '-q', '-B', 'package'],
  ['java', '-jar', 'target/orders-1.jar'],
]

const STACKS: Record<string, Stack> = {
  go: {
    page: 'go',
    commands: [
      ['go', 'mod', 'init', 'orders'],
      ['go', 'get', 'github.com/coreos/go-oidc/v3/oidc'],
      ['go', 'mod', 'tidy'],
      ['go', 'build', '-o', 'orders', '.'],
      ['./orders'],
    ],
  },
  spring: {
    page: 'spring',
    settings: { ACCESS_TOKEN_TYP: 'JWT' },
    without: 'AccessTokens.java',
    commands: MAVEN,
  },
  'spring-rfc9068': { page: 'spring', commands: MAVEN },
  postgraphile: {
    page: 'postgraphile',
    commands: [
      ['npm', 'init', '--yes'],
      ['npm', 'install', '--no-audit', '--no-fund', 'postgraphile@5', 'pg', 'VERIFY'],
      ['psql', '--quiet', '--file=schema.sql', 'DATABASE'],
      [process.execPath, 'node_modules/postgraphile/dist/cli-run.js'],
    ],
    request: {
      path: '/graphql',
      body: '{"query":"mutation { createNote(input: { note: { text: \\"SUBJECT\\" } }) { note { owner } } }"}',
    },
  },
}

const chosen = process.argv.slice(2)
const folder = await mkdtemp(join(tmpdir(), 'servauth-try-'))
// PostgreSQL does not run as root, and its user must reach the data.
await chmod(folder, 0o755)
const started: ReturnType<typeof spawn>[] = []
try {
  for (const name of chosen.length > 0 ? chosen : Object.keys(STACKS)) await tryStack(name)
} finally {
  for (const child of started) child.kill()
  await new Promise((done) => setTimeout(done, 2000))
  await rm(folder, { recursive: true, force: true })
}

async function startServauth(name: string, settings: Record<string, string> = {}) {
  const home = join(folder, `servauth-${name}`)
  await mkdir(home)
  const port = await freePort()
  const url = `http://localhost:${port}`
  const env = { ...process.env, NODE_ENV: 'development', PORT: String(port), PUBLIC_URL: url, ...settings }
  const entry = join(ROOT, 'src/index.ts')
  start([process.execPath, entry], home, env)
  await untilAnswer(`${url}/ready`, (status) => status === 200)
  const registered = await fetch(`${url}/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'ada@example.com', password: 'a long enough phrase', transport: 'TOKEN' }),
  })
  const { accessToken, user } = (await registered.json()) as { accessToken: string; user: { id: string } }
  const created = execFileSync(process.execPath, [entry, 'service-key', 'create', 'try'], { cwd: home, env })
  const [key = ''] = /servauth_[0-9A-Za-z]{46}/.exec(String(created)) ?? []
  const data = join(home, '.servauth')
  const password = await readFile(join(data, 'postgres-password'), 'utf8')
  const [, , , databasePort] = (await readFile(join(data, 'postgres/postmaster.pid'), 'utf8')).split('\n')
  const databaseUrl = `postgres://servauth:${password}@127.0.0.1:${databasePort}/servauth`
  return { url, accessToken, userId: user.id, key, databaseUrl }
}

async function tryStack(name: string) {
  const stack = STACKS[name]
  if (!stack) throw new Error(`There is no stack "${name}". Choose from ${Object.keys(STACKS).join(', ')}`)
  const servauth = await startServauth(name, stack.settings)
  const project = join(folder, name)
  const port = await freePort()
  const page = await readFile(join(HERE, `${stack.page}.md`), 'utf8')
  // The first line of a file is a comment with its name.
  for (const [, code = ''] of page.matchAll(
    /^```\w+\n((?:\/\/|#|--|<!--) \S+\.\w+(?: -->)?\n[\s\S]*?)^```$/gm,
  )) {
    const [, path = ''] = /^\S+ (\S+)/.exec(code) ?? []
    if (stack.without && path.endsWith(stack.without)) continue
    await mkdir(dirname(join(project, path)), { recursive: true })
    const here = code.replaceAll('http://localhost:3000', servauth.url).replaceAll('4000', String(port))
    await writeFile(join(project, path), here)
  }
  const env = { ...process.env, SERVICE_KEY: servauth.key, DATABASE_URL: servauth.databaseUrl }
  const needsVerify = stack.commands.flat().includes('VERIFY')
  const words = new Map([
    ['DATABASE', servauth.databaseUrl],
    ['VERIFY', needsVerify ? await packVerify() : ''],
  ])
  const commands = stack.commands.map((command) => command.map((word) => words.get(word) ?? word))
  for (const command of commands.slice(0, -1)) {
    execFileSync(command[0] ?? '', command.slice(1), {
      cwd: project,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }
  start(commands.at(-1) ?? [], project, env)

  const { path = '/caller', body } = stack.request ?? {}
  const url = `http://localhost:${port}${path}`
  await untilAnswer(url)
  const ask = async (token?: string) => {
    const answer = await fetch(url, {
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { method: 'POST', body: body.replace('SUBJECT', servauth.userId) }),
    })
    return { status: answer.status, text: await answer.text() }
  }
  const { status, text } = await ask(servauth.accessToken)
  const refused = [await ask(`${servauth.accessToken.slice(0, -8)}AAAAAAAA`), await ask()]
  const passed =
    status === 200 && text.includes(servauth.userId) && refused.every((one) => one.status === 401)
  console.log(
    `${name}: ${passed ? 'passed' : `failed (${status} ${text}, ${refused.map((one) => one.status).join(', ')})`}`,
  )
  if (!passed) process.exitCode = 1
}

async function packVerify() {
  const source = join(ROOT, 'packages/verify')
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', source])
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: source })
  return join(folder, String(packed).trim())
}

function start([file = '', ...parameters]: string[], cwd: string, env: NodeJS.ProcessEnv) {
  const child = spawn(file, parameters, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] })
  started.push(child)
}

async function untilAnswer(url: string, isGood = (_status: number) => true) {
  const deadline = performance.now() + MAX_START_MS
  const ask = () =>
    fetch(url).then(
      ({ status }) => isGood(status),
      () => false,
    )
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`${url} does not answer`)
    await new Promise((done) => setTimeout(done, 200))
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((done) => {
    server.listen(0, () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
