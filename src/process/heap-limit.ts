import { OWN_ARGUMENTS } from '../root.ts'

/**
 * How JavaScriptCore collects garbage. It reads this only at its start. From 0.8 of this memory on, it collects early; its
 * default depends on the memory of the machine, and lets a burst of requests triple the size of the process.
 */
const SETTINGS = {
  BUN_JSC_forceRAMSize: String(180 * 1024 * 1024),
  // How much the heap may grow until a collection, and so until the whole heap is read again: more below 45 MiB, where
  // the memory is there. See docs/decisions/processes.md.
  BUN_JSC_smallHeapGrowthFactor: '1.6',
  BUN_JSC_mediumHeapGrowthFactor: '1.4',
  BUN_JSC_largeHeapGrowthFactor: '1.4',
  BUN_JSC_minEdenToOldGenerationRatio: '0.2',
}

/**
 * Replaces the program by itself, with a limit for garbage. That takes some 8 ms. It does this only for a server in
 * production, and not if there is a limit: from the operator, or inherited by a worker. The operator's other settings count.
 */
export function limitHeap(args: string[], environment: Record<string, string | undefined>) {
  const isServer = args.length === 0 || args[0] === 'serve'
  if (!isServer || environment.NODE_ENV === 'development' || environment.BUN_JSC_forceRAMSize !== undefined)
    return
  // Not on Windows.
  process.execve?.(process.execPath, [process.execPath, ...OWN_ARGUMENTS], {
    ...SETTINGS,
    ...environment,
  })
}
