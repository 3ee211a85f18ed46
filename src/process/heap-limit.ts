import { OWN_ARGUMENTS } from '../root.ts'

/**
 * From 0.8 of this on, JavaScriptCore collects garbage early. Its default depends on the memory of the machine, and lets a
 * burst of requests triple the size of the process. The engine reads the limit only at its start.
 */
const HEAP_MIB = 180
const VARIABLE = 'BUN_JSC_forceRAMSize'

/**
 * Replaces the program by itself, with a limit for garbage. That takes some 8 ms. It does this only for a server in
 * production, and not if there is a limit: from the operator, or inherited by a worker.
 */
export function limitHeap(args: string[], environment: Record<string, string | undefined>) {
  const isServer = args.length === 0 || args[0] === 'serve'
  if (!isServer || environment.NODE_ENV === 'development' || environment[VARIABLE] !== undefined) return
  // Not on Windows.
  process.execve?.(process.execPath, [process.execPath, ...OWN_ARGUMENTS], {
    ...environment,
    [VARIABLE]: String(HEAP_MIB * 1024 * 1024),
  })
}
