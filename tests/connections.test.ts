import { createServer, type Socket } from 'node:net'
import { beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../src/db/connection/connect.ts'
import { explainFault } from '../src/db/database-fault.ts'
import { type Cluster, hasOpenssl, useAuthority, useCluster } from './support/cluster.ts'
import { openDatabase, useDatabase } from './support/database.ts'
import { portOf } from './support/net.ts'
import { freePort } from './support/process.ts'
import { createProxy } from './support/proxy.ts'
import { openForTest } from './support/resource.ts'

/** What a connection is, or why there is none. */
async function attempt(url: string) {
  const sql = connect(url, { connectSeconds: 5 })
  try {
    const [row] = await sql`
      select current_user as user, inet_server_port() as port, pg_stat_ssl.ssl, pg_stat_ssl.version
      from pg_stat_ssl where pid = pg_backend_pid()`
    return row ?? {}
  } catch (fault) {
    return { code: (fault as { code?: string }).code, message: explainFault(fault)?.message }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

describe.runIf(hasOpenssl)('a server with TLS', () => {
  const cluster = useCluster()
  const authority = useAuthority()
  const otherAuthority = useAuthority()
  let client: { key: string; certificate: string }
  beforeAll(async () => {
    const server = await authority.issue('localhost')
    client = await authority.issue('carol')
    await cluster.write('server.crt', server.certificateText)
    await cluster.write('server.key', server.keyText)
    await cluster.write('root.crt', await Bun.file(authority.path).text())
    await cluster.sql`create role carol login`
    await cluster.sql`create role trusted login`
    await cluster.write(
      'pg_hba.conf',
      'hostssl all carol all cert\nhost all trusted all trust\nhost all all all scram-sha-256\n',
    )
    await cluster.configure({ ssl: 'on', ssl_ca_file: 'root.crt' })
  })

  const at = (host: string, query: string, user?: string) => {
    const url = new URL(cluster.url)
    if (user) Object.assign(url, { username: user, password: '' })
    url.hostname = host
    url.search = query
    return url.href
  }

  test.each([
    ['127.0.0.1', '', { ssl: true }],
    ['127.0.0.1', 'sslmode=prefer', { ssl: true }],
    ['127.0.0.1', 'sslmode=disable', { ssl: false }],
    ['127.0.0.1', 'sslmode=require', { ssl: true }],
    ['localhost', 'sslmode=verify-full&sslrootcert=CA', { ssl: true }],
    ['127.0.0.1', 'sslmode=verify-ca&sslrootcert=CA', { ssl: true }],
    ['127.0.0.1', 'sslmode=require&channel_binding=require', { ssl: true }],
    ['127.0.0.1', 'sslmode=require&sslnegotiation=direct', { ssl: true }],
    ['127.0.0.1', 'sslmode=require&require_auth=scram-sha-256', { ssl: true }],
    ['127.0.0.1', 'sslmode=require&ssl_max_protocol_version=TLSv1.2', { version: 'TLSv1.2' }],
    ['127.0.0.1', 'sslmode=verify-full&sslrootcert=CA', { code: 'ECERTIFICATE' }],
    ['localhost', 'sslmode=verify-full', { code: 'ECERTIFICATE' }],
    ['localhost', 'sslmode=verify-full&sslrootcert=FOREIGN', { code: 'ECERTIFICATE' }],
    ['localhost', 'sslmode=verify-ca&sslrootcert=FOREIGN', { code: 'ECERTIFICATE' }],
    ['localhost', 'sslmode=require&sslrootcert=FOREIGN', { code: 'ECERTIFICATE' }],
    ['127.0.0.1', 'require_auth=md5', { code: 'ESIGNIN' }],
  ])('by %s and %s answers as it answers psql', async (host, query, expected) => {
    const paths = query.replace('=CA', `=${authority.path}`).replace('=FOREIGN', `=${otherAuthority.path}`)
    const found = await attempt(at(host, paths))

    expect(found).toMatchObject(expected)
    if ('code' in found) expect(found.message).toMatch(/^The database cannot be used \([A-Z_, ]+\)\. .+\.$/)
  })

  test('accepts a certificate instead of a password', async () => {
    const files = `sslcert=${client.certificate}&sslkey=${client.key}`

    expect(await attempt(at('localhost', `sslmode=require&${files}`, 'carol'))).toMatchObject({
      user: 'carol',
    })
    expect(await attempt(at('localhost', 'sslmode=require', 'carol'))).toMatchObject({ code: '28000' })
  })

  test('that asks for no password is refused if the URL requires a proof', async () => {
    expect(await attempt(at('localhost', '', 'trusted'))).toMatchObject({ user: 'trusted' })
    expect(await attempt(at('localhost', 'channel_binding=require', 'trusted'))).toMatchObject({
      code: 'ESIGNIN',
    })
    expect(await attempt(at('localhost', 'require_auth=scram-sha-256', 'trusted'))).toMatchObject({
      code: 'ESIGNIN',
    })
    expect(await attempt(at('localhost', 'require_auth=none', 'trusted'))).toMatchObject({ user: 'trusted' })
  })
})

test('an unknown setting in options is refused in words', async () => {
  const { url } = await openDatabase()
  const found = await attempt(withQuery(url, 'options=-c%20nonsense%3D1'))
  const known = await attempt(withQuery(url, 'options=-c%20work_mem%3D5MB%20-c%20my.own%3D1'))

  expect(found).toEqual({ code: '42704', message: expect.stringContaining('options of DATABASE_URL') })
  expect(known).toMatchObject({ ssl: false })
})

describe('a server without TLS', () => {
  const database = useDatabase()

  test.each(['', 'sslmode=prefer', 'sslmode=allow', 'sslmode=disable'])('is used with %s', async (query) => {
    expect(await attempt(withQuery(database.url, query))).toMatchObject({ ssl: false })
  })

  test.each(['sslmode=require', 'sslmode=verify-full', 'channel_binding=require'])(
    'is refused in words with %s',
    async (query) => {
      expect(await attempt(withQuery(database.url, query))).toEqual({
        code: 'ENOTLS',
        message: expect.stringMatching(/^The database cannot be used \(ENOTLS\)\. It offers no TLS/),
      })
    },
  )
})

function withQuery(text: string, query: string) {
  const url = new URL(text)
  url.search = query
  return url.href
}

/** Listens for one test. @returns the port */
async function listen(onConnection: (socket: Socket) => void) {
  const server = createServer(onConnection).listen(0, '127.0.0.1')
  await openForTest(async () => server)
  return portOf(server)
}

describe('a server that misbehaves when it is asked for TLS', () => {
  const urlOf = (port: number) => `postgres://u:p@127.0.0.1:${port}/db`

  test('and sends more than its answer before the encryption is refused', async () => {
    const port = await listen((socket) => socket.once('data', () => socket.write('SR\0\0\0\x08\0\0\0\0')))

    expect(await attempt(`${urlOf(port)}?sslmode=require`)).toMatchObject({ code: 'ETLS' })
  })

  test('and offers TLS but does not speak it is refused', async () => {
    const port = await listen((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        socket.write('S')
        socket.once('data', () => socket.end('no'))
      })
    })

    expect(await attempt(`${urlOf(port)}?sslmode=require`)).toMatchObject({
      code: expect.stringMatching(/ETLS|ECONNRESET/),
    })
  })

  test('and closes the connection or does not answer is given up', async () => {
    const closing = await listen((socket) => socket.once('data', () => socket.destroy()))
    const silent = await listen(() => {})

    expect(await attempt(urlOf(closing))).toMatchObject({ code: 'ECONNRESET' })
    expect(await attempt(`${urlOf(silent)}?connect_timeout=2`)).toMatchObject({ code: 'CONNECT_TIMEOUT' })
  })

  test('leaves the pool usable for the time when it is back', async () => {
    const database = await openDatabase()
    const proxy = await openForTest(() => createProxy(database.url))
    const sql = connect(withQuery(proxy.url, ''))
    proxy.cut()

    const failed = await Promise.allSettled([sql`select 1`, sql`select 1`, sql`select 1`])
    proxy.restore()
    const answers = await Promise.all([sql`select 1 as one`, sql`select 1 as one`])
    await sql.end({ timeout: 1 })

    expect(failed.map(({ status }) => status)).toEqual(Array(3).fill('rejected'))
    expect(answers.map(([row]) => row?.one)).toEqual([1, 1])
  })
})

describe('of several hosts,', () => {
  const first = useCluster()
  const second = useCluster()
  beforeAll(async () => {
    for (const { sql } of [first, second]) await sql`create role app login password 'same'`
  })

  const urlOf = (...ports: number[]) => {
    return `postgres://app:same@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/servauth`
  }
  const fence = (cluster: Cluster, value: string) =>
    cluster.configure({ default_transaction_read_only: value })

  const endAll = ({ sql }: Cluster) => sql`
    select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'`

  /** Answers like a PostgreSQL that is starting. @returns its port */
  function listenStarting() {
    const fields = 'SFATAL\0C57P03\0Mthe database system is starting up\0\0'
    const refusal = Buffer.alloc(5 + fields.length)
    refusal.write('E')
    refusal.writeInt32BE(4 + fields.length, 1)
    refusal.write(fields, 5)
    return listen((socket) => socket.on('error', () => {}).once('data', () => socket.end(refusal)))
  }

  test('the first that answers is used', async () => {
    const closed = await freePort()

    expect(await attempt(urlOf(closed, second.port))).toMatchObject({ port: second.port })
    expect(await attempt(urlOf(first.port, second.port))).toMatchObject({ port: first.port })
    expect(await attempt(urlOf(closed, closed))).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('one that accepts connections and does not answer is tried last from then on', async () => {
    const silent = await listen(() => {})
    const url = `${urlOf(silent, second.port)}?sslmode=disable&connect_timeout=2`

    expect(await attempt(url)).toMatchObject({ code: 'CONNECT_TIMEOUT' })
    expect(await attempt(url)).toMatchObject({ port: second.port })
  })

  test('one that is a proxy without a server is not waited for', async () => {
    const empty = await listen((socket) => socket.end())

    const found = await attempt(`${urlOf(empty, second.port)}?sslmode=disable`)

    expect(found).toMatchObject({ port: second.port })
  })

  test('one that is starting is skipped', async () => {
    const port = await listenStarting()

    const found = await attempt(`${urlOf(port, second.port)}?sslmode=disable`)

    expect(found).toMatchObject({ port: second.port })
  })

  test.each([1, 2])('%i that are starting are the reason of every failure', async (count) => {
    const ports = await Promise.all(Array.from({ length: count }, listenStarting))
    const sql = connect(`${urlOf(...ports)}?sslmode=disable`)
    const codes = []
    for (let attempts = 0; attempts < 4; attempts++) {
      codes.push(await sql`select 1`.catch((fault: { code: string }) => fault.code))
    }
    await sql.end({ timeout: 1 })

    expect(codes).toEqual(Array(4).fill('57P03'))
  })

  test('one that accepts no writes is skipped, before and after a failover', async () => {
    const sql = connect(urlOf(first.port, second.port), { max: 5 })
    const ports = async () => {
      const rows = await Promise.all(
        Array.from({ length: 5 }, () => sql`select inet_server_port() as port, pg_sleep(0.05)`),
      )
      return [...new Set(rows.map(([row]) => row?.port))]
    }
    await fence(first, 'on')
    const before = await ports()
    await fence(first, 'off')
    await fence(second, 'on')
    // A failover ends connections.
    await endAll(second)
    await expect.poll(() => ports().catch(() => [])).toEqual([first.port])
    await fence(first, 'on')
    await endAll(first)
    await expect.poll(() => sql`select 1`.catch((fault: { code: string }) => fault.code)).toBe('ENOPRIMARY')
    await sql.end({ timeout: 1 })
    await fence(first, 'off')
    await fence(second, 'off')

    expect(before).toEqual([second.port])
  })
})
