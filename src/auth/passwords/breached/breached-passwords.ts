import { createHash } from 'node:crypto'
import { openList } from './list-file.ts'

export type BreachedPasswords = (password: string) => boolean

/**
 * Opens the file of a setting. The system keeps its pages in memory for all processes.
 * @returns whether a password is in the file
 * @throws an error with a sentence for the operator
 */
export function openBreachedPasswords(path: string): BreachedPasswords {
  const list = tryToOpen(path)
  if (!list) {
    throw new Error(
      'BREACHED_PASSWORDS: is not a whole file of breached passwords: make it again with "servauth passwords build"',
    )
  }
  return (password) => list.has(createHash('sha1').update(password).digest())
}

function tryToOpen(path: string) {
  try {
    return openList(path)
  } catch (cause) {
    throw new Error('BREACHED_PASSWORDS: cannot be read: check that the file exists and who may read it', {
      cause,
    })
  }
}
