import { composeService } from '../compose.ts'
import { migrationState } from '../db/migrate.ts'
import { loadEnv } from '../env.ts'
import { joinSettings } from '../process/first-run.ts'
import { Failure } from './failure.ts'

type Service = ReturnType<typeof composeService>['auth']

/** Lets a command do its work with the service on the server's settings and database, beside servers that run. */
export async function withService<T>(
  source: Record<string, string | undefined>,
  work: (auth: Service) => Promise<T>,
): Promise<T> {
  const { settings, stop } = await joinSettings(loadEnv(source))
  try {
    const { missing } = await migrationState(settings.DATABASE_URL)
    if (missing.length > 0) {
      throw new Failure('The database is not up to date. Start the server, or run "servauth migrate".')
    }
    const { auth, close } = composeService(settings)
    try {
      return await work(auth)
    } finally {
      await close()
    }
  } finally {
    await stop()
  }
}
