import { OWN_ARGUMENTS } from '../root.ts'

/**
 * How JavaScriptCore collects garbage and compiles, and how Bun allocates. They read this only at their start. The measurements
 * are in docs/decisions/processes.md.
 */
const SETTINGS = {
  // From 0.8 of this memory on, it collects early. Its default depends on the memory of the machine, and lets a burst of
  // requests triple the size of the process.
  BUN_JSC_forceRAMSize: String(180 * 1024 * 1024),
  // How much the heap may grow until a collection, and so until the whole heap is read again: more while the process takes
  // less than 0.8 of that memory, which the engine calls small.
  BUN_JSC_smallHeapGrowthFactor: '1.6',
  BUN_JSC_mediumHeapGrowthFactor: '1.4',
  BUN_JSC_largeHeapGrowthFactor: '1.4',
  BUN_JSC_minEdenToOldGenerationRatio: '0.2',
  // Four times its default. Code that runs a few hundred times a second, such as a login, is not worth the last optimisation.
  BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: '256000',
  // In milliseconds. The allocator's thread looks for unused pages this often; by default ten times as often.
  MIMALLOC_PURGE_HOLES_MIN_INTERVAL: '1000',
  // Of the library that hashes, which has an allocator of its own. Otherwise that takes a huge page of 2 MiB at the start.
  MIMALLOC_EAGER_COMMIT: '0',
}

/**
 * Replaces the program by itself, with these settings of the engine. That takes some 8 ms. It does this only for a server in
 * production that lacks one of them: a worker inherits them all. A value that the operator has set counts.
 */
export function applyEngineSettings(args: string[], environment: Record<string, string | undefined>) {
  const isServer = args.length === 0 || args[0] === 'serve'
  if (!isServer || environment.NODE_ENV === 'development') return
  if (Object.keys(SETTINGS).every((name) => environment[name] !== undefined)) return
  // Not on Windows.
  process.execve?.(process.execPath, [process.execPath, ...OWN_ARGUMENTS], {
    ...SETTINGS,
    ...environment,
  })
}
