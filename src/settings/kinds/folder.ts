import { statSync } from 'node:fs'
import { kind, refuse } from './kind.ts'

/** The path of a folder that exists. */
export const Folder = kind((path) => {
  try {
    if (statSync(path).isDirectory()) return path
  } catch (fault) {
    refuse(`cannot be read (${(fault as NodeJS.ErrnoException).code}): it must be the path of a folder`)
  }
  return refuse('must be the path of a folder, not of a file')
})
