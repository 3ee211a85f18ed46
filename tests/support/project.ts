import { spawnSync } from 'node:child_process'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createFolder } from './folder.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
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

const packed = new Map<string, Buffer>()

/** Unpacks what a release would publish of a package. */
async function unpack(name: string, target: string) {
  const tarball = packed.get(name) ?? (await pack(name))
  packed.set(name, tarball)
  await mkdir(target)
  const { status, stderr } = spawnSync('tar', ['xz', '--strip-components=1'], { cwd: target, input: tarball })
  if (status !== 0) throw new Error(String(stderr))
}

/** Builds and packs a package as a release does. */
async function pack(name: string) {
  const source = join(ROOT, 'packages', name)
  const folder = await createFolder()
  const built = execute(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'], source)
  const { status, output } = execute('npm', ['pack', '--pack-destination', folder], source)
  if (built.status !== 0 || status !== 0) throw new Error(`${built.output}${output}`)
  return readFile(join(folder, output.trim().split('\n').at(-1) ?? ''))
}

function execute(command: string, args: string[], cwd: string) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd })
  return { status, output: `${stderr}${stdout}` }
}
