import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ROOT } from '../../src/root.ts'
import { openForTest, useResource } from './resource.ts'

const OWN = '@servauth/'
const INSTALLED = join(ROOT, 'node_modules')

export type Project = Awaited<ReturnType<typeof openProject>>

/** A project for one test, in which only the named packages can be imported. Nothing is downloaded. */
export const createProject = (packages: string[]) => openForTest(() => openProject(packages))

/** A project for the tests of this file, in which all packages of this repository can be imported, and `@servauth/verify`. */
export const useProject = () =>
  useResource(async () => {
    const names = await readdir(INSTALLED)
    return openProject([...names.filter((name) => !name.startsWith('.')), `${OWN}verify`])
  })

/** Packages of Servauth are unpacked from what a release would publish, and others are those of this repository. */
async function openProject(packages: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'servauth-project-'))
  for (const name of new Set(packages)) {
    const target = join(folder, 'node_modules', name)
    await mkdir(dirname(target), { recursive: true })
    if (name.startsWith(OWN)) await unpack(name.slice(OWN.length), target)
    else await symlink(join(INSTALLED, name), target)
  }
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  await write('package.json', JSON.stringify({ type: 'module' }))
  return {
    folder,
    write,
    /** Runs a program of this repository in the project. */
    run(command: string) {
      const [name = '', ...args] = command.split(' ')
      return execute(join(INSTALLED, '.bin', name), args, folder)
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

const NAMES = ['client', 'apollo', 'urql', 'verify']
let packed: Promise<Map<string, Buffer>> | undefined

async function unpack(name: string, target: string) {
  packed ??= pack()
  await mkdir(target)
  const input = (await packed).get(name)
  const { status, stderr } = spawnSync('tar', ['xz', '--strip-components=1'], { cwd: target, input })
  if (status !== 0) throw new Error(String(stderr))
}

/** Builds and packs all packages. */
async function pack() {
  const folder = await mkdtemp(join(tmpdir(), 'servauth-packages-'))
  const { status, output } = execute('bun', [join(ROOT, 'packages/pack.ts'), folder], ROOT)
  if (status !== 0) throw new Error(output)
  const read = async (name: string) => [name, await readFile(join(folder, `${name}.tgz`))] as const
  const tarballs = new Map(await Promise.all(NAMES.map(read)))
  await rm(folder, { recursive: true })
  return tarballs
}

function execute(command: string, args: string[], cwd: string) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd })
  return { status, output: `${stderr}${stdout}` }
}
