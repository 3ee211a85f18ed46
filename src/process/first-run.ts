import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Settings } from '../compose.ts'
import type { Env } from '../env.ts'

/** Where development keeps its database and secret, inside the folder in which it was started. */
const DATA_FOLDER = '.servauth'

/**
 * Adds the settings that development can create itself: an embedded PostgreSQL and a secret. Both are created once.
 * In production both settings are required, so nothing is created.
 */
export async function completeSettings(env: Env, { joinsServer = false } = {}) {
  const { DATABASE_URL, AUTH_SECRET } = env
  if (DATABASE_URL && AUTH_SECRET) {
    return { settings: { ...env, DATABASE_URL, AUTH_SECRET } satisfies Settings, stop: async () => {} }
  }
  const { joinEmbeddedPostgres, startEmbeddedPostgres } = await import('../db/embedded/embedded-postgres.ts')
  const open = joinsServer ? joinEmbeddedPostgres : startEmbeddedPostgres
  const database = DATABASE_URL ? undefined : await open(DATA_FOLDER)
  const settings: Settings = {
    ...env,
    DATABASE_URL: DATABASE_URL ?? database?.url ?? '',
    AUTH_SECRET: AUTH_SECRET ?? (await loadOrCreateSecret(database?.folder ?? resolve(DATA_FOLDER))),
  }
  return { settings, dataFolder: database?.folder, stop: async () => database?.stop() }
}

/**
 * The same for a command. It shares the embedded database with a running server, or starts it for itself.
 * @param options.make create a database if there is none; otherwise this is probably the wrong folder
 */
export async function joinSettings(env: Env, { make = false } = {}) {
  if (!env.DATABASE_URL && !make && !hasDataFolder()) {
    throw new Error(
      `This folder has no ${DATA_FOLDER}: no server was started here yet. Start the server, or set DATABASE_URL.`,
    )
  }
  return completeSettings(env, { joinsServer: true })
}

/** Whether a development server was started in this folder before. */
export const hasDataFolder = () => existsSync(DATA_FOLDER)

/** The secret is in the folder of the database, because each is useless without the other. */
async function loadOrCreateSecret(folder: string) {
  const file = join(folder, 'auth-secret')
  await mkdir(folder, { recursive: true })
  // `wx` fails if the file exists, so that two concurrent starts cannot use two secrets.
  await writeFile(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' }).catch(() => {})
  return (await readFile(file, 'utf8')).trim()
}
