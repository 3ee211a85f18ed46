import { dirname, join } from 'node:path'

/** The folder of the program: around `src`, and around `dist` with the executable. */
export const ROOT = join(Bun.isStandaloneExecutable ? dirname(process.execPath) : import.meta.dirname, '..')

/** The folder of the code that runs: `src`, or the one inside the executable. */
export const CODE = import.meta.dirname

/** The arguments with which `process.execPath` starts this program again. */
export const OWN_ARGUMENTS = Bun.isStandaloneExecutable
  ? process.argv.slice(2)
  : [...process.execArgv, ...process.argv.slice(1)]
