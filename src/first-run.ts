import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Settings } from './compose.ts'
import type { Env } from './env.ts'

/** Where development keeps what it makes for itself, below the folder it is started in. */
const DATA_FOLDER = '.servauth'

/**
 * Fills in what a newcomer has not set up: a PostgreSQL of our own and a secret, both made once
 * and kept. In production the settings are complete, and nothing is made up.
 */
export async function completeSettings(env: Env) {
  const { DATABASE_URL, AUTH_SECRET } = env
  if (DATABASE_URL && AUTH_SECRET) {
    return { settings: { ...env, DATABASE_URL, AUTH_SECRET } satisfies Settings, stop: async () => {} }
  }
  const { startEmbeddedPostgres } = await import('./db/embedded.ts')
  const database = DATABASE_URL ? undefined : await startEmbeddedPostgres(DATA_FOLDER)
  const settings: Settings = {
    ...env,
    DATABASE_URL: DATABASE_URL ?? database?.url ?? '',
    AUTH_SECRET: AUTH_SECRET ?? (await keptSecret(database?.folder ?? resolve(DATA_FOLDER))),
  }
  return { settings, dataFolder: database?.folder, stop: async () => database?.stop() }
}

/** Kept beside the data, wherever that is: the one is of no use without the other. */
async function keptSecret(folder: string) {
  const file = join(folder, 'auth-secret')
  await mkdir(folder, { recursive: true })
  // `wx` fails where the file exists, so that two starts cannot make two secrets.
  await writeFile(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' }).catch(() => {})
  return (await readFile(file, 'utf8')).trim()
}
