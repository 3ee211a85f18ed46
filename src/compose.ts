import { sql } from 'drizzle-orm'
import { createApp } from './app.ts'
import { createAuthService } from './auth/service.ts'
import { createDb } from './db/client.ts'
import { migrate } from './db/migrate.ts'
import type { Env } from './env.ts'
import type { Logger } from './log.ts'

/** The settings with what the start adds where they leave it open: a database and a secret. */
export type Settings = Env & { DATABASE_URL: string; AUTH_SECRET: string }

/** Builds the whole server; the only place that knows every part. */
export async function compose(env: Settings, log: Logger) {
  const { db, close } = createDb(env.DATABASE_URL)
  const auth = createAuthService({ env, db })
  const state = { prepared: false, draining: false }

  const isReady = async () => {
    if (!state.prepared || state.draining) return false
    await db.execute(sql`select 1`)
    return true
  }

  return {
    app: await createApp({ env, auth, log, isReady }),
    /** Brings the database up to date and makes the signing key; ready from then on. */
    async prepare() {
      await migrate(env.DATABASE_URL)
      await auth.prepare()
      state.prepared = true
    },
    /** Not ready any more, while what runs is finished. */
    drain() {
      state.draining = true
    },
    close,
  }
}
