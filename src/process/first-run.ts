import { randomBytes } from 'node:crypto'
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Settings } from '../compose.ts'
import type { Env } from '../env.ts'

/** Where development keeps what it makes for itself, below the folder it is started in. */
const DATA_FOLDER = '.servauth'

/**
 * Fills in what a newcomer has not set up: a PostgreSQL of our own and a secret, both made once
 * and kept. In production the settings are complete, and nothing is made up.
 */
export async function completeSettings(env: Env, { isBeside = false } = {}) {
  const { DATABASE_URL, AUTH_SECRET } = env
  if (DATABASE_URL && AUTH_SECRET) {
    return { settings: { ...env, DATABASE_URL, AUTH_SECRET } satisfies Settings, stop: async () => {} }
  }
  const { joinEmbeddedPostgres, startEmbeddedPostgres } = await import('../db/embedded.ts')
  const open = isBeside ? joinEmbeddedPostgres : startEmbeddedPostgres
  const database = DATABASE_URL ? undefined : await open(DATA_FOLDER)
  const settings: Settings = {
    ...env,
    DATABASE_URL: DATABASE_URL ?? database?.url ?? '',
    AUTH_SECRET: AUTH_SECRET ?? (await keptSecret(database?.folder ?? resolve(DATA_FOLDER))),
  }
  return { settings, dataFolder: database?.folder, stop: async () => database?.stop() }
}

/**
 * The same for a command beside a server that runs, or does not. It makes no database unless told to: the one it
 * is about is there already, or this is the wrong folder.
 */
export async function joinSettings(env: Env, { make = false } = {}) {
  if (!env.DATABASE_URL && !make && !(await hasDataFolder())) {
    throw new Error(
      `There is no ${DATA_FOLDER} in this folder, so no server was started here yet. Start one, or set DATABASE_URL.`,
    )
  }
  return completeSettings(env, { isBeside: true })
}

/** Whether development was started in this folder before. */
export const hasDataFolder = () =>
  access(DATA_FOLDER).then(
    () => true,
    () => false,
  )

/** Kept beside the data, wherever that is: the one is of no use without the other. */
async function keptSecret(folder: string) {
  const file = join(folder, 'auth-secret')
  await mkdir(folder, { recursive: true })
  // `wx` fails where the file exists, so that two starts cannot make two secrets.
  await writeFile(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' }).catch(() => {})
  return (await readFile(file, 'utf8')).trim()
}
