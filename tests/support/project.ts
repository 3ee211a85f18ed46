import { spawnSync } from 'node:child_process'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ROOT } from '../../src/root.ts'
import { createFolder } from './folder.ts'

const OWN = '@servauth/'

/** A project in a new folder, in which only the named packages can be imported. Nothing is downloaded. */
export async function createProject(packages: string[]) {
  const folder = await createFolder()
  for (const name of new Set(packages)) {
    const target = join(folder, 'node_modules', name)
    await mkdir(dirname(target), { recursive: true })
    if (name.startsWith(OWN)) await unpack(name.slice(OWN.length), target)
    else await symlink(join(ROOT, 'node_modules', name), target)
  }
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  await write('package.json', JSON.stringify({ type: 'module' }))
  /** Runs a program of this repository in the project. */
  const run = (command: string) => {
    const [name = '', ...args] = command.split(' ')
    return execute(join(ROOT, 'node_modules/.bin', name), args, folder)
  }
  return { folder, write, run }
}

const NAMES = ['client', 'apollo', 'urql', 'verify']
let packed: Promise<Map<string, Buffer>> | undefined

/** Unpacks what a release would publish of a package. */
async function unpack(name: string, target: string) {
  packed ??= pack()
  await mkdir(target)
  const input = (await packed).get(name)
  const { status, stderr } = spawnSync('tar', ['xz', '--strip-components=1'], { cwd: target, input })
  if (status !== 0) throw new Error(String(stderr))
}

/** Builds and packs all packages. */
async function pack() {
  const folder = join(await createFolder(), 'dist')
  const { status, output } = execute('bun', [join(ROOT, 'packages/pack.ts'), folder], ROOT)
  if (status !== 0) throw new Error(output)
  const read = async (name: string) => [name, await readFile(join(folder, `${name}.tgz`))] as const
  return new Map(await Promise.all(NAMES.map(read)))
}

function execute(command: string, args: string[], cwd: string) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd })
  return { status, output: `${stderr}${stdout}` }
}
