import { readFileSync, statSync } from 'node:fs'
import { kind, refuse } from './kind.ts'

/** The path of a folder that exists. */
export const Folder = kind((path) => {
  try {
    if (statSync(path).isDirectory()) return path
  } catch (fault) {
    refuseUnreadable(fault, 'folder')
  }
  return refuse('must be the path of a folder, not of a file')
})

/** The text of a file that a setting names. */
export function readText(path: string) {
  try {
    return readFileSync(path, 'utf8')
  } catch (fault) {
    return refuseUnreadable(fault, 'file')
  }
}

const refuseUnreadable = (fault: unknown, what: 'file' | 'folder') =>
  refuse(`cannot be read (${(fault as NodeJS.ErrnoException).code}): it must be the path of a ${what}`)
