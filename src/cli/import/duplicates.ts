import { toAccountId } from '../../auth/import/account-id.ts'
import { normalizeEmail } from '../../auth/import/account-import.ts'
import { CommandError } from '../support/command-error.ts'
import { createNumberList, createTextHash } from './number-list.ts'
import type { Source } from './sources/source.ts'

/** More are no roles, but something else of each account. */
const MAX_ROLE_NAMES = 1000

/**
 * Finds the addresses and ids that belong to more than one account. Of each it keeps 64 bits of a hash, so a million
 * accounts take 16 MB.
 */
export async function findDuplicates({ keys, system }: Source, onCount: (count: number) => void) {
  const [emails, ids] = [createFinder(), createFinder()]
  const roleNames = new Set<string>()
  let count = 0
  for await (const batch of keys()) {
    for (const { id, email, roles = [] } of batch) {
      for (const role of roles) roleNames.add(role)
      if (roleNames.size > MAX_ROLE_NAMES) {
        throw new CommandError(`The accounts have more than ${MAX_ROLE_NAMES} different roles.`)
      }
      const normalized = normalizeEmail(email)
      if (normalized !== null) emails.add(normalized)
      ids.add(toAccountId(system, id))
    }
    count += batch.length
    onCount(count)
  }
  return { count, roleNames, isAmbiguous: { email: emails.finish(), id: ids.finish() } }
}

function createFinder() {
  const hashOf = createTextHash()
  let hashes = createNumberList()
  return {
    add: (text: string) => hashes.add(hashOf(text)),
    /** @returns whether a text was added more than once */
    finish() {
      const sorted = hashes.all().sort()
      const repeated = new Set<bigint>()
      for (let index = 1; index < sorted.length; index++) {
        const hash = sorted[index] as bigint
        if (hash === sorted[index - 1]) repeated.add(hash)
      }
      hashes = createNumberList()
      return (text: string) => repeated.has(hashOf(text))
    },
  }
}
