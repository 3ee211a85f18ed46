import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { scripts } from '../../package.json'
import { ROOT } from '../../src/root.ts'
import { createClients } from './client.ts'
import { createDatabase } from './database.ts'
import { freePort, startProcess, untilAnswer } from './process.ts'
import { startProgram } from './program.ts'
import { openForTest, useResource } from './resource.ts'
import { pause } from './time.ts'

/** The life of an access token here; one second later it is refused. */
const TOKEN_SECONDS = 5
export const untilExpired = () => pause((TOKEN_SECONDS + 1) * 1000)

/** The real server for the tests of this file or group. */
export const useAuthServer = (settings?: Record<string, string>) =>
  useResource(() => openAuthServer(settings))

/** The real server for one test. */
export const startAuthServer = (settings: Record<string, string>) =>
  openForTest(() => openAuthServer(settings))

/** The real server on a database of its own; it can be stopped and started again on the same port. */
export async function openAuthServer(settings: Record<string, string> = {}) {
  const database = await createDatabase()
  const PORT = String(await freePort())
  const url = `http://localhost:${PORT}`
  const env = {
    PORT,
    DATABASE_URL: database.url,
    ACCESS_TOKEN_SECONDS: String(TOKEN_SECONDS),
    ...settings,
  }
  const runs: Awaited<ReturnType<typeof startProgram>>[] = []
  const start = async () => void runs.push(await startProgram(env))
  const stop = async () => void (await runs.at(-1)?.stop())
  await start()

  const logged = () =>
    runs
      .flatMap(({ output }) => output().split('\n').slice(0, -1))
      .map((line): { method?: string; path?: string; code?: string } => JSON.parse(line))

  /** The outcomes of the requests for a refresh so far, in order: a code, or `OK`. */
  async function refreshes() {
    // The log is written several lines at a time; when this request is in it, all earlier ones are.
    const mark = `/${randomUUID()}`
    await fetch(`${url}${mark}`)
    for (let attempt = 0; attempt < 100 && !logged().some(({ path }) => path === mark); attempt++) {
      await pause(50)
    }
    const requests = logged().filter(({ method, path }) => method === 'POST' && path === '/auth/refresh')
    return requests.map(({ code = 'OK' }) => code)
  }

  return {
    ...createClients((path, init) => fetch(url + path, init)),
    url,
    sql: database.sql,
    start,
    stop,
    refreshes,
    /** Lets the grace of every rotation pass, and that of every first use. */
    untilGraceIsOver: () => database.sql`
      update sessions set rotated_at = rotated_at - interval '31 seconds',
        token_used_at = token_used_at - interval '31 seconds'`,
    /** Makes the last proof of every session an hour old. */
    forgetProofs: () =>
      database.sql`update sessions set authenticated_at = authenticated_at - interval '1 hour',
        factor_at = factor_at - interval '1 hour'`,
    /** Lets the wait of every recovery of lost factors pass. */
    async passRecoveryWait() {
      await database.sql`update users set factor_recovery_at = factor_recovery_at - interval '72 hours'`
      await database.sql`
        update mail_outbox set next_attempt_at = next_attempt_at - interval '72 hours'
        where status = 'PENDING' and kind = 'factor-recovery'`
    },
    async close() {
      await stop()
      await database.drop()
    },
  }
}

/** An example for the tests of this file or group; its settings may name resources that were opened before it. */
export const useExample = (name: string, settings: () => Record<string, string>, port?: number) =>
  useResource(() => openExample(name, settings(), port))

/** An example for one test. */
export const startExample = (name: string, settings: Record<string, string>) =>
  openForTest(() => openExample(name, settings))

/** Starts an example by the one command of its package script, on another port. */
async function openExample(name: string, settings: Record<string, string>, port?: number) {
  const PORT = port ?? (await freePort())
  const { cwd, entry, args } = commandOf(name)
  const onPort = args.map((argument) => argument.replace(/^--port=.*/, `--port=${PORT}`))
  const example = startProcess({ cwd, entry, args: onPort, env: { PORT: String(PORT), ...settings } })
  const url = `http://localhost:${PORT}`
  await untilAnswer(url)
  return { url, close: example.stop }
}

/** A package script taken apart: its entry, its arguments and its folder. */
export function commandOf(name: string) {
  const script = scripts[`example:${name}` as keyof typeof scripts]
  const [, folder = '.', command = ''] = /(?:cd (\S+) && )?bun (?!install)(.+)$/.exec(script) ?? []
  const [entry = '', ...args] = command.split(' ')
  return { cwd: join(ROOT, folder), entry, args }
}
