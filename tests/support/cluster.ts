import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts'
import { findProgram } from './programs.ts'
import { useResource } from './resource.ts'
import { pause } from './time.ts'

export type Cluster = Awaited<ReturnType<typeof openCluster>>

/** A PostgreSQL for the tests of this file or group, whose configuration they may change. */
export const useCluster = () => useResource(openCluster)

async function openCluster() {
  const folder = await mkdtemp(join(tmpdir(), 'servauth-cluster-'))
  await chmod(folder, 0o755)
  const cluster = await startEmbeddedPostgres(folder)
  const sql = postgres(cluster.url, { max: 1, onnotice: () => {} })
  const data = join(cluster.folder, 'postgres')
  return {
    url: cluster.url,
    port: Number(new URL(cluster.url).port),
    sql,
    /** Writes a file into its data folder, with the permissions that PostgreSQL wants for keys. */
    async write(name: string, content: string) {
      const path = join(data, name)
      const { uid, gid } = await stat(data)
      await writeFile(path, content, { mode: 0o600 })
      await chown(path, uid, gid)
    },
    /** Changes settings, and waits until new connections have them. */
    async configure(settings: Record<string, string>) {
      for (const [name, value] of Object.entries(settings)) {
        await sql.unsafe(`alter system set ${name} = '${value}'`)
      }
      await sql`select pg_reload_conf()`
      for (const [name, value] of Object.entries(settings)) await untilSet(cluster.url, name, value)
    },
    async close() {
      await sql.end({ timeout: 1 })
      await cluster.stop()
      for (const path of [folder, cluster.folder]) await rm(path, { recursive: true, force: true })
    },
  }
}

async function untilSet(url: string, name: string, value: string) {
  for (;;) {
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    const [row] = await sql`select current_setting(${name}) as value`
    await sql.end()
    if (row?.value === value) return
    await pause(50)
  }
}

const OPENSSL = findProgram('openssl')

export const hasOpenssl = OPENSSL !== ''

/** A certificate authority for the tests of this file or group. */
export const useAuthority = () =>
  useResource(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'servauth-authority-'))
    const at = (name: string) => join(folder, name)
    const [caKey, caCertificate] = [at('ca.key'), at('ca.crt')]
    openssl(
      `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=Tests -keyout ${caKey} -out ${caCertificate}`,
    )
    return {
      path: caCertificate,
      /** Issues a certificate for a name. */
      async issue(name: string) {
        const [key, request, certificate] = [at(`${name}.key`), at(`${name}.csr`), at(`${name}.crt`)]
        await writeFile(at('extensions'), `subjectAltName=DNS:${name}`)
        openssl(`req -newkey rsa:2048 -nodes -subj /CN=${name} -keyout ${key} -out ${request}`)
        openssl(
          `x509 -req -in ${request} -CA ${caCertificate} -CAkey ${caKey} -CAcreateserial -days 2 -extfile ${at('extensions')} -out ${certificate}`,
        )
        return {
          key,
          certificate,
          keyText: await readFile(key, 'utf8'),
          certificateText: await readFile(certificate, 'utf8'),
        }
      },
      close: () => rm(folder, { recursive: true }),
    }
  })

function openssl(words: string) {
  const { status, stderr } = spawnSync(OPENSSL, words.split(' '), { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}
