import type { AuthCore } from '../../auth/core.ts'
import { composeCore } from '../../compose.ts'
import { migrationState } from '../../db/migrate.ts'
import { loadEnv } from '../../env.ts'
import { joinSettings } from '../../process/first-run.ts'
import { CommandError } from './command-error.ts'

/** Environment variables, which hold the settings of the server. */
export type Environment = Record<string, string | undefined>

/** Runs `work` with the core, on the settings and the database of the server. The server may run meanwhile. */
export async function withCore<T>(
  environment: Environment,
  work: (core: AuthCore) => Promise<T>,
): Promise<T> {
  const { settings, stop } = await joinSettings(loadEnv(environment))
  try {
    const { missing } = await migrationState(settings)
    if (missing.length > 0) {
      throw new CommandError('The database is not up to date. Start the server, or run "servauth migrate".')
    }
    const { core, close } = composeCore(settings)
    try {
      return await work(core)
    } finally {
      await close()
    }
  } finally {
    await stop()
  }
}
