import { migrate } from '../db/migrate.ts'
import { loadEnv } from '../env.ts'
import { joinSettings } from '../process/first-run.ts'

const PATIENCE_MS = 2000

/** Applies the missing migrations, and shows the progress of one that takes long. */
export async function migrateDatabase(source: Record<string, string | undefined>) {
  const { settings, stop } = await joinSettings(loadEnv(source), { make: true })
  let doing = 'waiting for another process that migrates'
  // A migration that waited for a lock begins again.
  const shown = new Set<string>()
  const began = Date.now()
  const timer = setInterval(() => {
    console.log(`  … ${doing}, ${Math.round((Date.now() - began) / 1000)} s so far`)
  }, PATIENCE_MS)
  try {
    const applied = await migrate(settings, {
      onStep({ name, step, steps }) {
        doing = `${name}, statement ${step} of ${steps}`
        if (!shown.has(name)) console.log(`  ${name}`)
        shown.add(name)
      },
      onWarning(message) {
        doing = 'waiting'
        console.log(`  ${message}`)
      },
    })
    console.log(
      applied.length > 0
        ? `Applied ${applied.length}: the database is up to date.`
        : 'Nothing to do: the database is up to date.',
    )
  } finally {
    clearInterval(timer)
    await stop()
  }
}
