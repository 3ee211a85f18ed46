import { randomBytes, randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { scripts } from '../../package.json'
import { createDatabase } from './database.ts'
import { freePort, startProcess, untilAnswer, untilReady } from './process.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** How long an access token is good here; a second more, and it is refused. */
export const TOKEN_SECONDS = 5
export const untilExpired = () => new Promise((done) => setTimeout(done, (TOKEN_SECONDS + 1) * 1000))

/** The real server on a database of its own, which can be stopped and started again on its port. */
export async function startAuthServer(settings: Record<string, string> = {}) {
  const database = await createDatabase()
  const PORT = String(await freePort())
  const url = `http://localhost:${PORT}`
  const env = {
    PORT,
    PUBLIC_URL: url,
    DATABASE_URL: database.url,
    AUTH_SECRET: randomBytes(32).toString('base64'),
    ACCESS_TOKEN_SECONDS: String(TOKEN_SECONDS),
    THROTTLE: 'off',
    ...settings,
  }
  const runs: ReturnType<typeof startProcess>[] = []
  const start = async () => {
    runs.push(startProcess({ cwd: tmpdir(), env }))
    await untilReady(url)
  }
  const stop = async () => void (await runs.at(-1)?.stop())
  await start()
  afterAll(async () => {
    await stop()
    await database.drop()
  })

  const logged = () =>
    runs
      .flatMap(({ output }) => output().split('\n').slice(0, -1))
      .map((line): { method?: string; path?: string; code?: string } => JSON.parse(line))

  /** What became of the requests for a refresh so far, in order: a code, or `OK`. */
  async function refreshes() {
    // The log is written some lines at a time; once this request is in it, all before it are.
    const mark = `/${randomUUID()}`
    await fetch(`${url}${mark}`)
    for (let attempt = 0; attempt < 100 && !logged().some(({ path }) => path === mark); attempt++) {
      await new Promise((done) => setTimeout(done, 50))
    }
    const requests = logged().filter(({ method, path }) => method === 'POST' && path === '/auth/refresh')
    return requests.map(({ code = 'OK' }) => code)
  }

  return {
    url,
    start,
    stop,
    refreshes,
    /** Lets the grace of every rotation pass. */
    untilGraceIsOver: () => database.sql`update sessions set rotated_at = rotated_at - interval '31 seconds'`,
  }
}

/** Starts an example by its one command, on another port. */
export async function startExample(name: string, PORT: number, settings: Record<string, string> = {}) {
  const { cwd, entry, args } = commandOf(name)
  const onPort = args.map((argument) => argument.replace(/^--port=.*/, `--port=${PORT}`))
  const example = startProcess({ cwd, entry, args: onPort, env: { PORT: String(PORT), ...settings } })
  afterAll(async () => void (await example.stop()))
  const url = `http://localhost:${PORT}`
  await untilAnswer(url)
  return url
}

/** What the package script says, as an entry with its arguments and the folder it runs in. */
export function commandOf(name: string) {
  const script = scripts[`example:${name}` as keyof typeof scripts]
  const [, folder = '.', command = ''] = /^(?:cd (\S+) && )?bun (.+)$/.exec(script) ?? []
  const [entry = '', ...args] = command.split(' ')
  return { cwd: `${ROOT}${folder}`, entry, args }
}
