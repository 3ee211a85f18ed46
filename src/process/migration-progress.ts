import type { Watcher } from '../db/migrate.ts'
import type { Logger } from '../observe/log.ts'

const PATIENCE_MS = 5000

/** Logs what a migration does while it takes long, because the server is not ready meanwhile. */
export function watchMigration(log: Pick<Logger, 'info' | 'warn'>) {
  let step: string | undefined
  const began = performance.now()
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - began) / 1000)
    if (step) log.info(`not ready yet: the migration has taken ${seconds} s so far: ${step}`)
  }, PATIENCE_MS)
  return {
    onStep({ name, step: number, steps }) {
      step = `${name}, statement ${number} of ${steps}`
    },
    onWarning(message) {
      // It may wait from here on, for what the warning names.
      step = undefined
      log.warn(message)
    },
    [Symbol.dispose]() {
      clearInterval(timer)
    },
  } satisfies Watcher & Disposable
}
