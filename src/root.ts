import { fileURLToPath } from 'node:url'

/** The folder of the program: around `src`, and around `dist` when the bundle runs. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url))
