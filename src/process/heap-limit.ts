/**
 * From 0.8 of this on, JavaScriptCore collects garbage early. Otherwise it goes by the memory of the machine, and lets
 * a burst of requests that need no memory for long triple the size of the process. The engine reads it only at its start.
 */
const HEAP_MIB = 200
const VARIABLE = 'BUN_JSC_forceRAMSize'

/**
 * Replaces the program by itself with a limit for the garbage in its memory, which takes some 8 ms. It does nothing if the
 * operator has set a limit, for a worker, which inherits it, and for what is no server in production.
 */
export function limitHeap(args: string[], environment: Record<string, string | undefined>) {
  const isServer = args.length === 0 || args[0] === 'serve'
  if (!isServer || environment.NODE_ENV === 'development' || environment[VARIABLE] !== undefined) return
  // Not on Windows.
  process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    ...environment,
    [VARIABLE]: String(HEAP_MIB * 1024 * 1024),
  })
}
