import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort, startProcess, untilAnswer } from './process.ts'
import type { Project } from './project.ts'
import { snippetsOf } from './snippets.ts'
import { pause } from './time.ts'

/** The files of a page of docs/services, in a new folder. The keys of `here` are texts that are different here. */
export async function pasteService({ folder }: Project, page: string, here: Record<string, string>) {
  const own = await mkdtemp(join(folder, 'service-'))
  await writeFile(join(own, 'package.json'), '{ "type": "module" }')
  const { snippets } = await snippetsOf(`services/${page}`)
  // At once, because a port could be a part of another.
  const different = new RegExp(Object.keys(here).join('|'), 'g')
  for (const { path, code } of snippets) {
    await writeFile(
      join(own, path),
      code.replace(different, (text) => here[text] ?? text),
    )
  }
  return { own, paths: snippets.map(({ path }) => path) }
}

type Options = {
  issuer: string
  key?: string
  /** Where the service reaches Servauth. */
  url?: string
  runtime?: 'bun' | 'node'
  /** The file that is run. Default: `server.ts` or `server.js`. */
  entry?: string
  here?: Record<string, string>
  /** Files beside those of the page. */
  files?: Record<string, string>
}

/** Runs a page of docs/services as a process of its own, on a free port, against a running Servauth. */
export async function startService(
  project: Project,
  page: string,
  { issuer, key = '', url = issuer, runtime = 'bun', entry, here = {}, files = {} }: Options,
) {
  const port = String(await freePort())
  const { own, paths } = await pasteService(project, page, {
    'http://localhost:3000': issuer,
    4000: port,
    ...here,
  })
  for (const [name, text] of Object.entries(files)) await writeFile(join(own, name), text)
  const started = entry ?? paths.find((path) => path.startsWith('server.')) ?? ''
  const service = startProcess({
    ...{ cwd: own, entry: join(own, started), env: { SERVICE_KEY: key, SERVAUTH_URL: url } },
    ...(runtime === 'node' && { bun: 'node' }),
  })
  // A gateway waits for its connections, which the tests keep open.
  onTestFinished(() => void service.kill('SIGKILL'))
  const origin = `http://localhost:${port}`
  await untilAnswer(origin)
  return { ...service, origin }
}

/** The answer of a service once it knows what has ended. On a busy machine, a proof may come late at any time. */
export async function untilKnown<Answer extends { status: number }>(
  ask: () => Promise<Answer>,
): Promise<Answer> {
  for (;;) {
    const answer = await ask()
    if (answer.status !== 503) return answer
    await pause(50)
  }
}
