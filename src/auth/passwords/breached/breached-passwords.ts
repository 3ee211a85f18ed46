import { createHash } from 'node:crypto'
import { readList } from './list-file.ts'

export type BreachedPasswords = (password: string) => boolean

/**
 * Maps the file of a setting into memory, so that all processes share its pages and a start does not read it.
 * @returns whether a password is in the file
 * @throws an error with a sentence for the operator
 */
export function openBreachedPasswords(path: string): BreachedPasswords {
  const list = readList(mapFile(path))
  if (!list) {
    throw new Error(
      'BREACHED_PASSWORDS: is not a whole file of breached passwords: make it again with "servauth passwords build"',
    )
  }
  return (password) => list.has(createHash('sha1').update(password).digest())
}

function mapFile(path: string) {
  try {
    return Bun.mmap(path, { shared: true })
  } catch (cause) {
    throw new Error('BREACHED_PASSWORDS: cannot be read: check that the file exists and who may read it', {
      cause,
    })
  }
}
