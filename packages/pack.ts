import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { $ } from 'bun'

/** The client first, because the others are built against it. */
const NAMES = ['client', 'apollo', 'urql', 'verify']

// Builds the packages and writes a tarball of each, as a release publishes them.
const folder = resolve(process.argv[2] ?? 'dist')
await mkdir(folder, { recursive: true })
for (const name of NAMES) {
  const source = join(import.meta.dir, name)
  await $`tsc -p ${source}`
  await $`bun pm pack --quiet --filename ${join(folder, `${name}.tgz`)}`.cwd(source)
}
