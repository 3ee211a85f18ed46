import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { freePort, startProcess, untilAnswer } from './process.ts'
import { useResource } from './resource.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A project in which a package is installed from its tarball. Other packages come from this repository. */
export const useProject = (name: string) => useResource(() => openProject(name))
export type Project = { folder: string; close(): Promise<void> }

async function openProject(name: string): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), 'servauth-project-'))
  const installed = join(folder, 'node_modules', '@servauth', name)
  await mkdir(installed, { recursive: true })
  await linkDependencies(join(folder, 'node_modules'))
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', join(ROOT, 'packages', name)])
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: join(ROOT, 'packages', name),
    encoding: 'utf8',
  })
  execFileSync('tar', ['xzf', join(folder, packed.trim()), '--strip-components=1', '-C', installed])
  return { folder, close: () => rm(folder, { recursive: true, force: true }) }
}

async function linkDependencies(modules: string) {
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.')) await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  }
}

/** The snippets of docs/services.md that are whole files, by their names. */
export async function readSnippets() {
  const text = await readFile(join(ROOT, 'docs/services.md'), 'utf8')
  const found = text.matchAll(/^```ts service (\S+)\n([\s\S]*?)^```$/gm)
  return new Map([...found].map(([, name = '', code = '']) => [name, code]))
}

type Options = { issuer: string; key: string; url?: string; runtime?: 'bun' | 'node'; code?: string }

/** Runs a snippet as a process of its own, on a free port, against a running Servauth. */
export async function startService(
  { folder }: Project,
  name: string,
  { issuer, key, url = issuer, runtime = 'bun', code }: Options,
) {
  const port = await freePort()
  const extension = runtime === 'node' ? '.mjs' : '.ts'
  const snippets = await readSnippets()
  const own = await mkdtemp(join(folder, 'service-'))
  const write = async (file: string, text: string) => {
    const path = join(own, `${file}${extension}`)
    const here = text.replaceAll('http://localhost:3000', issuer).replaceAll('4000', String(port))
    await writeFile(path, here.replaceAll("verifier.ts'", `verifier${extension}'`))
    return path
  }
  await write('verifier', snippets.get('verifier') ?? '')
  const entry = await write(name, code ?? snippets.get(name) ?? '')
  const bun = runtime === 'node' ? { bun: 'node' } : {}
  const service = startProcess({ cwd: own, entry, env: { SERVICE_KEY: key, SERVAUTH_URL: url }, ...bun })
  // A gateway waits for its connections, which the tests keep open.
  onTestFinished(() => void service.kill('SIGKILL'))
  const origin = `http://localhost:${port}`
  await untilAnswer(origin)
  return { ...service, origin }
}
