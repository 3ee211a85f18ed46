import type { Work } from './hash-kind.ts'

/**
 * The work that is missing until an attempt has cost as much as the dearest hash of each kind among `all`.
 * The work itself is compared and not its measured time, so the result does not depend on the load of the machine.
 * What needs most memory comes first: memory that the attempt before gave back a moment ago is cheaper than new memory,
 * so that otherwise the attempt that begins with the kind at the end of the one before would cost less.
 */
export function findMissingWork(all: Work[], done: Work[]): Work[] {
  const [dearest, spent] = [dearestOf(all), dearestOf(done)]
  return [...dearest.values()]
    .flatMap((work) => {
      const amount = work.amount - (spent.get(work.group)?.amount ?? 0)
      return amount > 0 ? [{ ...work, amount }] : []
    })
    .sort((one, other) => other.memoryKib - one.memoryKib)
}

/** The dearest work of each group. */
export function dearestOf(works: Work[]) {
  const groups = new Map<string, Work>()
  for (const work of works) {
    if (work.amount > (groups.get(work.group)?.amount ?? 0)) groups.set(work.group, work)
  }
  return groups
}

/** Does one work after the other. */
export async function spendAll(works: Work[]) {
  for (const { spend, amount } of works) await spend(amount)
}
