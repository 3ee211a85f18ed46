import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../root.ts'

const ADVICE = 'In the folder of Servauth, run: npx -y bun@1.4.5 install --frozen-lockfile --production'

type Manifest = { dependencies: Record<string, string>; patchedDependencies: Record<string, string> }
/** By path: the names of the packages around a package and its own name, such as `a` or `a/b`. */
type Packages = Record<string, [nameAndVersion: string, registry: string, needs: Partial<Needs>]>
type Needs = Record<'dependencies' | 'optionalDependencies', Record<string, string>>

/**
 * Ends the process with a sentence if the installed packages are not those of `bun.lock`, with the patches. Without
 * installed packages, Bun downloads some that fit and ignores patches.
 */
export function requireInstalledPackages() {
  try {
    assertInstalledPackages(ROOT)
  } catch (error) {
    console.error(`\n${(error as Error).message}\n`)
    process.exit(1)
  }
}

/** Ends the process with a sentence if the executable was copied alone, without the packages that it does not contain. */
export function requireNativePackages() {
  const folder = join(ROOT, 'node_modules')
  if (existsSync(folder)) return
  console.error(
    `\n${folder} is missing: the executable works only in the folder of Servauth. Keep it there, and make a link to it.\n`,
  )
  process.exit(1)
}

function assertInstalledPackages(root: string) {
  const { dependencies, patchedDependencies } = readJson<Manifest>(root, 'package.json')
  const { packages } = Bun.JSONC.parse(read(root, 'bun.lock')) as { packages: Packages }
  const missing = Object.keys(dependencies).filter((name) => !existsSync(folderOf(root, name)))
  if (missing.length > 0) {
    throw new Error(`The packages of Servauth are not installed (${missing[0]} is missing). ${ADVICE}`)
  }
  const wrong = [
    ...pathsOf(packages, Object.keys(dependencies)).flatMap((path) => {
      const folder = folderOf(root, path)
      // Packages for other systems are in the lockfile too.
      if (!existsSync(folder)) return []
      const wanted = packages[path]?.[0] ?? ''
      const { name, version } = readJson<{ name: string; version: string }>(folder, 'package.json')
      return wanted.endsWith(`@${version}`) ? [] : [`${name} ${version} instead of ${wanted}`]
    }),
    ...Object.entries(patchedDependencies)
      .filter(([name, patch]) => !isPatched(folderOf(root, name.replace(/@[^@]*$/, '')), read(root, patch)))
      .map(([name]) => `${name} without its patch`),
  ]
  if (wrong.length === 0) return
  throw new Error(`Installed packages are not those of bun.lock: ${wrong.join(', ')}. ${ADVICE}`)
}

/** The paths of some packages and of all that they need. */
function pathsOf(packages: Packages, names: string[]) {
  const paths = new Set<string>()
  const visit = (name: string, around: string) => {
    const path = around === '' ? name : `${around}/${name}`
    if (!packages[path]) {
      if (around !== '') visit(name, around.replace(/\/?(@[^/]+\/)?[^/]+$/, ''))
      return
    }
    if (paths.has(path)) return
    paths.add(path)
    const { dependencies, optionalDependencies } = packages[path][2]
    for (const need of Object.keys({ ...dependencies, ...optionalDependencies })) visit(need, path)
  }
  for (const name of names) visit(name, '')
  return [...paths]
}

const folderOf = (root: string, path: string) =>
  join(root, ...(path.match(/@[^/]+\/[^/]+|[^/]+/g) ?? []).flatMap((name) => ['node_modules', name]))

/** Whether each file has what each hunk of the patch makes of it. */
function isPatched(folder: string, patch: string) {
  return patch.split(/^diff --git .*$/m).every((part) => {
    const [, file] = /^\+\+\+ b\/(.*)$/m.exec(part) ?? []
    if (!file) return true
    const content = read(folder, file)
    const hunks = part.split(/^@@ .*$/m).slice(1)
    return hunks.every((hunk) => content.includes(afterHunk(hunk)))
  })
}

/** The lines of a hunk that it keeps or adds. */
const afterHunk = (hunk: string) =>
  hunk
    .split('\n')
    .filter((line) => /^[ +]/.test(line))
    .map((line) => line.slice(1))
    .join('\n')

const read = (folder: string, name: string) => readFileSync(join(folder, name), 'utf8')
const readJson = <T>(folder: string, name: string) => JSON.parse(read(folder, name)) as T
