import { fileURLToPath } from 'node:url'

/** The folder of the program: around `src`, and around `dist` when the bundle runs. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** The folder of the code that runs: `src`, or `dist` with the bundle. */
export const CODE = fileURLToPath(new URL('.', import.meta.url))
