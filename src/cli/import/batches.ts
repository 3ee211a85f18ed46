import type { ImportResult } from '../../auth/import/foreign-account.ts'
import type { ForeignUser } from './sources/source.ts'

const BATCH_SIZE = 2000
/** Usual accounts have a few hundred bytes, so that this many are rare. */
const MAX_BATCH_CHARACTERS = 4 * 1024 * 1024
/** While PostgreSQL writes two batches, the next is read. */
const MAX_BATCHES_AT_ONCE = 3

export type Imported = { user: ForeignUser; result: ImportResult }

/**
 * A source may read a few users at a time, and PostgreSQL takes many at the price of a few. A batch is full when it has
 * enough users or characters, so that what waits for PostgreSQL is bounded even if users are large.
 */
export async function* inBatches(users: AsyncIterable<ForeignUser[]>): AsyncGenerator<ForeignUser[]> {
  let batch: ForeignUser[] = []
  let characters = 0
  for await (const read of users) {
    for (const user of read) {
      batch.push(user)
      characters += JSON.stringify(user).length
      if (batch.length < BATCH_SIZE && characters < MAX_BATCH_CHARACTERS) continue
      yield batch
      batch = []
      characters = 0
    }
  }
  if (batch.length > 0) yield batch
}

/** Imports several batches at once. Yields them in their order. */
export async function* importBatches(
  batches: AsyncIterable<ForeignUser[]>,
  importBatch: (batch: ForeignUser[]) => Promise<ImportResult[]>,
): AsyncGenerator<Imported[]> {
  const pending: Promise<Imported[]>[] = []
  for await (const batch of batches) {
    const imported = importBatch(batch).then((results) => withResults(batch, results))
    // A batch that fails while an earlier one is awaited must not end the process as an unhandled rejection.
    imported.catch(() => {})
    pending.push(imported)
    const oldest = pending.length >= MAX_BATCHES_AT_ONCE ? pending.shift() : undefined
    if (oldest) yield await oldest
  }
  for (const imported of pending) yield await imported
}

function withResults(batch: ForeignUser[], results: ImportResult[]) {
  return batch.map((user, index): Imported => {
    const result = results[index]
    if (!result) throw new TypeError('An account has no result')
    return { user, result }
  })
}
