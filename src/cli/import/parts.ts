import { asAuthError } from '../../errors.ts'

/**
 * Runs a job for a list, and for its halves if the database has not answered in time: it may be slow, or busy with a
 * migration. What had been done before is done again, so the job must be repeatable. @throws if it fails for single items
 */
export async function runInParts<Item, Result>(
  items: Item[],
  job: (items: Item[]) => Promise<Result[]>,
): Promise<Result[]> {
  try {
    return await job(items)
  } catch (fault) {
    if (asAuthError(fault).code !== 'SERVICE_UNAVAILABLE' || items.length < 2) throw fault
    const middle = Math.ceil(items.length / 2)
    const first = await runInParts(items.slice(0, middle), job)
    return [...first, ...(await runInParts(items.slice(middle), job))]
  }
}
