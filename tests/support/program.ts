import { randomBytes } from 'node:crypto'
import { createClients } from './client.ts'
import { freePort, type Start, startProcess, untilReady } from './process.ts'
import { useResource } from './resource.ts'

/** One secret for all programs that a test file starts, as for the replicas of one server. */
export const AUTH_SECRET = randomBytes(32).toString('base64url')

const MAX_STARTS = 5

type Settings = Record<string, string>

/** Starts the real program in production mode on a free port; it may not be ready yet. */
export async function launchProgram(
  settings: Settings & { DATABASE_URL: string },
  how: Omit<Start, 'env'> = {},
) {
  const PORT = settings.PORT ?? String(await freePort())
  return launch({ PORT, AUTH_SECRET, PUBLIC_URL: urlOf(PORT), THROTTLE: 'off', ...settings }, how)
}

/** The same, ready to serve. A test that does not stop it leaves that to the end of its file. */
export async function startProgram(...given: Parameters<typeof launchProgram>) {
  for (let attempt = 1; ; attempt++) {
    const program = await launchProgram(...given)
    const ready = program.untilReady().then(() => true)
    if (await Promise.race([ready, program.exited.then(() => false)])) return program
    // Another process can take a free port before the program listens.
    const isPortTaken = program.output().includes('is in use')
    if (!isPortTaken || attempt === MAX_STARTS) throw new Error(program.output())
  }
}

/** A program for the tests of this file or group; its settings may name resources that were opened before it. */
export const useProgram = (settings: () => Parameters<typeof launchProgram>[0]) =>
  useResource(async () => {
    const program = await startProgram(settings())
    return { ...program, close: program.stop }
  })

/** Starts the real program as a developer does in a folder, where it makes a database and a secret of its own. */
export const launchInFolder = (cwd: string, settings: Settings & { PORT: string }) =>
  launch({ NODE_ENV: 'development', ...settings }, { cwd })

const urlOf = (port: string) => `http://localhost:${port}`

function launch<Env extends Settings & { PORT: string }>(env: Env, how: Omit<Start, 'env'>) {
  const url = urlOf(env.PORT)
  return {
    ...startProcess({ ...how, env }),
    ...createClients((path, init) => fetch(url + path, init)),
    url,
    env,
    untilReady: () => untilReady(url),
  }
}
