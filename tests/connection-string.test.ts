import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  ConnectionStringError,
  completeConnectionString,
  describePlace,
  parseConnectionString,
} from '../src/libpq/connection-string.ts'
import { isOwnSetting } from '../src/libpq/options.ts'
import { findProgram } from './support/programs.ts'

const folder = mkdtempSync(join(tmpdir(), 'servauth-connection-'))
afterAll(() => rmSync(folder, { recursive: true }))

const parse = (text: string, source: Record<string, string> = {}) =>
  parseConnectionString(completeConnectionString(text, source))
const faultsOf = (text: string, source: Record<string, string> = {}) => {
  try {
    completeConnectionString(text, source)
    return []
  } catch (fault) {
    if (fault instanceof ConnectionStringError) return fault.faults
    throw fault
  }
}

/** The URIs of libpq's own tests (src/interfaces/libpq/t/001_uri.pl). */
describe('a connection string means the same as for libpq:', () => {
  test.each([
    [
      'postgresql://uri-user:secret@host:12345/db',
      { user: 'uri-user', password: 'secret', host: 'host', port: 12345, database: 'db' },
    ],
    ['postgresql://uri-user@host:12345/db', { user: 'uri-user', host: 'host', port: 12345, database: 'db' }],
    ['postgresql://host:12345/db', { host: 'host', port: 12345, database: 'db' }],
    [
      'postgresql://uri-user@host:12345/',
      { user: 'uri-user', host: 'host', port: 12345, database: 'uri-user' },
    ],
    ['postgresql://uri-user@host/', { user: 'uri-user', host: 'host', port: 5432 }],
    ['postgresql://host', { host: 'host', port: 5432 }],
    ['postgresql://example.com?hostaddr=63.1.2.4', { host: 'example.com', address: '63.1.2.4' }],
    ['postgresql://?hostaddr=127.0.0.1', { host: '127.0.0.1', address: '127.0.0.1' }],
    ['postgresql://%68ost/', { host: 'host' }],
    [
      'postgresql://host/db?user=uri-user&port=12345',
      { user: 'uri-user', host: 'host', port: 12345, database: 'db' },
    ],
    ['postgresql://host/db?u%73er=someotheruser&port=12345', { user: 'someotheruser', port: 12345 }],
    ['postgresql://host:12345?user=uri-user', { user: 'uri-user', host: 'host', port: 12345 }],
    ['postgresql://host?', { host: 'host' }],
    ['postgresql://[::1]:12345/db', { host: '::1', port: 12345, database: 'db' }],
    ['postgresql://[2001:db8::1234]/', { host: '2001:db8::1234', port: 5432 }],
    [
      'postgres://uri-user@/db?host=/path/to/socket/dir',
      { user: 'uri-user', host: '/path/to/socket/dir', database: 'db' },
    ],
    ['postgres://?host=/path/to/socket/dir', { host: '/path/to/socket/dir', port: 5432 }],
    [
      'postgres://otheruser@:12345/db?host=/path/to/socket',
      { user: 'otheruser', host: '/path/to/socket', port: 12345 },
    ],
    ['postgres://@host', { host: 'host' }],
    ['postgres://host:/', { host: 'host', port: 5432 }],
    ['postgres://%2Fvar%2Flib%2Fpostgresql/dbname', { host: '/var/lib/postgresql', database: 'dbname' }],
    // A plus is no space, a password may contain a colon, and a name may be encoded.
    ['postgres://u:a+b%40c:d@host/d%2Fb', { password: 'a+b@c:d', database: 'd/b' }],
    ['postgres://host/db?user=a@b&password=p%23w', { user: 'a@b', password: 'p#w' }],
  ])('%s', (text, expected) => {
    const { hosts, user, password, database } = parse(text)
    const [{ name, address, port } = { name: '', address: '', port: 0 }] = hosts
    expect({ user, password, database, host: name, address, port }).toMatchObject(expected)
  })

  test('several hosts, each with its port or all with one', () => {
    expect(parse('postgres://u@a:1,[::1]:2,c/db').hosts.map(({ name, port }) => [name, port])).toEqual([
      ['a', 1],
      ['::1', 2],
      ['c', 5432],
    ])
    expect(parse('postgres://u@/db?host=a,/dir&port=7').hosts.map(({ name, port }) => [name, port])).toEqual([
      ['a', 7],
      ['/dir', 7],
    ])
    // Servauth cannot use a server that accepts no writes.
    expect(parse('postgres://u@a,b/db').wants).toBe('read-write')
    expect(parse('postgres://u@a,b/db?target_session_attrs=primary').wants).toBe('primary')
    expect(parse('postgres://u@a/db').wants).toBe('any')
  })

  test('parameters that the driver does not know have their meaning', () => {
    expect(
      parse(
        'postgres://u@host/db?application_name=mine&connect_timeout=10&keepalives_idle=30&channel_binding=require&load_balance_hosts=random',
      ),
    ).toMatchObject({
      applicationName: 'mine',
      connectSeconds: 10,
      keepAliveSeconds: 30,
      bindsChannel: true,
      isShuffled: true,
    })
    expect(parse('postgres://u@host/db?keepalives=0&connect_timeout=1')).toMatchObject({
      keepAliveSeconds: false,
      connectSeconds: 2,
    })
  })

  test('options of a connection string become settings, and the rest is passed on', () => {
    const options = encodeURIComponent('-c search_path=auth --geqo=off -cwork_mem=5MB endpoint=ep-1 a\\ b')
    expect(parse(`postgres://u@host/db?options=${options}`)).toMatchObject({
      searchPath: 'auth',
      settings: { geqo: 'off', work_mem: '5MB' },
      startupOptions: 'endpoint=ep-1 a\\ b',
    })
  })

  test.each([
    ['', { isRequired: false, checks: 'nothing' }],
    ['?sslmode=allow', { isRequired: false, checks: 'nothing' }],
    ['?sslmode=prefer', { isRequired: false, checks: 'nothing' }],
    ['?sslmode=require', { isRequired: true, checks: 'nothing' }],
    ['?ssl=true', { isRequired: true, checks: 'nothing' }],
    ['?ssl=1', { isRequired: true, checks: 'nothing' }],
    ['?sslmode=verify-full', { isRequired: true, checks: 'name' }],
    ['?sslrootcert=system', { isRequired: true, checks: 'name' }],
    ['?sslmode=require&sslnegotiation=direct', { isDirect: true }],
    [
      '?sslmode=require&sslsni=0&ssl_min_protocol_version=TLSv1.3',
      { sendsName: false, minVersion: 'TLSv1.3' },
    ],
  ])('postgres://host/db%s encrypts like libpq', (query, expected) => {
    expect(parse(`postgres://u@host/db${query}`).tls).toMatchObject(expected)
  })

  test('a connection has no TLS with sslmode=disable or by a socket', () => {
    expect(parse('postgres://u@host/db?sslmode=disable').tls).toBeUndefined()
    expect(parse('postgres://u@/db?host=/dir&sslmode=verify-full').tls).toBeUndefined()
  })

  test('parameters without an effect here are ignored', () => {
    const harmless =
      'client_encoding=LATIN1&fallback_application_name=x&keepalives_count=3&tcp_user_timeout=1&gssencmode=prefer&krbsrvname=x'
    expect(faultsOf(`postgres://u@host/db?${harmless}`)).toEqual([])
  })
})

describe('the variables of libpq', () => {
  test('replace what the URL leaves out', () => {
    const source = {
      PGHOST: 'host',
      PGPORT: '6000',
      PGUSER: 'ada',
      PGPASSWORD: 'p@ss',
      PGDATABASE: 'db',
      PGSSLMODE: 'verify-full',
      PGAPPNAME: 'mine',
      PGCONNECT_TIMEOUT: '7',
      PGTARGETSESSIONATTRS: 'any',
      PGOPTIONS: '-c search_path=auth',
    }
    expect(parse('postgres://', source)).toMatchObject({
      hosts: [{ name: 'host', port: 6000 }],
      user: 'ada',
      password: 'p@ss',
      database: 'db',
      applicationName: 'mine',
      connectSeconds: 7,
      searchPath: 'auth',
      tls: { checks: 'name' },
    })
    expect(parse('postgres://u:pw@other:1/mine?sslmode=require', source)).toMatchObject({
      hosts: [{ name: 'other', port: 1 }],
      user: 'u',
      password: 'pw',
      database: 'mine',
      tls: { checks: 'nothing' },
    })
  })

  test('are named if they are wrong', () => {
    expect(faultsOf('postgres://u@host/db', { PGSSLMODE: 'always', PGSERVICE: 'mine', PGPORT: 'x' })).toEqual(
      [
        expect.stringMatching(/^PGSERVICE: is not supported/),
        expect.stringMatching(/^PGPORT: must be a number/),
        expect.stringMatching(/^PGSSLMODE: must be one of disable/),
      ],
    )
  })
})

describe('a password file', () => {
  const file = join(folder, 'pgpass')
  const passwordFor = (text: string, lines: string, mode = 0o600) => {
    writeFileSync(file, lines)
    chmodSync(file, mode)
    return parse(text, { PGPASSFILE: file }).password
  }

  test.each([
    ['postgres://ada@host/db', 'host:5432:db:ada:first\nhost:*:*:*:second', 'first'],
    ['postgres://bob@host/db', '# a remark\nhost:5432:db:ada:first\n*:*:*:bob:second\n', 'second'],
    ['postgres://ada@host:6000/db', 'host:5432:db:ada:first\r\nhost:6000:db:ada:a\\:b\\\\c', 'a:b\\c'],
    ['postgres://ada@[::1]/db', '\\:\\:1:*:*:ada:six', 'six'],
    ['postgres://ada@/db?host=/dir', 'localhost:*:*:ada:by folder', 'by folder'],
    ['postgres://ada@a,b/db', 'a:*:*:*:one\nb:*:*:*:one', 'one'],
    ['postgres://ada@host/db', 'elsewhere:*:*:*:none', ''],
    ['postgres://ada:given@host/db', '*:*:*:*:other', 'given'],
  ])('has the password for %s', (text, lines, expected) => {
    expect(passwordFor(text, lines)).toBe(expected)
  })

  test('that is named must exist, be closed to other users, and have one password', () => {
    const refused = (lines: string, mode?: number) => () => passwordFor('postgres://ada@a,b/db', lines, mode)

    expect(refused('*:*:*:*:x', 0o644)).toThrow('PGPASSFILE: is a file that other users may read: chmod 600')
    expect(refused('a:*:*:*:x\nb:*:*:*:y')).toThrow(
      /password is missing, and the password file has a different one/,
    )
    expect(faultsOf('postgres://ada@host/db', { PGPASSFILE: join(folder, 'none') })).toEqual([
      'PGPASSFILE: is a file that cannot be read (ENOENT)',
    ])
  })
})

describe('an invalid connection string is refused in words, without a part of it:', () => {
  const CANARY = 'kanarie'

  test.each([
    ['mysql://localhost/x', /must be a URL, such as postgres:\/\//],
    ['"postgres://localhost/x"', /is in quotes/],
    ['postgres://localhost/x\n', /control character/],
    [`postgres://u:${CANARY}@${CANARY}@host/db`, /raw @;.*@ is %40/],
    [`postgres://u:${CANARY}/${CANARY}@host/db`, /raw \/;.*\/ is %2F/],
    [`postgres://u:12/${CANARY}@host/db`, /raw \/;/],
    [`postgres://u:${CANARY}#${CANARY}@host/db`, /raw #;.*# is %23/],
    [`postgres://u:${CANARY}?${CANARY}@host/db`, /raw \?;.*\? is %3F/],
    [`postgres://u:${CANARY}?a=${CANARY}@host/db?sslmode=require`, /raw \?;/],
    [`postgres://u:${CANARY}%${CANARY}@host/db`, /raw %;.*% is %25/],
    [`postgres://u:${CANARY}%ff@host/db`, /not UTF-8/],
    ['postgres://u@a%00b/db', /%00/],
    ['postgres://u@[::1/db', /has no valid host/],
    ['postgres://u@[]/db', /has no valid host/],
    ['postgres://u@[::1]z/db', /has no valid host/],
    ['postgres://u@::1/db', /\[address\]:port for IPv6/],
    ['postgres://u@host:0/db', /port must be a number from 1 to 65535/],
    ['postgres://u@a,b,c/db?port=1,2', /port must be one port, or one for each host/],
    ['postgres://u@a,b/db?hostaddr=127.0.0.1', /as many addresses as there are hosts/],
    ['postgres://host?zzz', /a parameter without a value/],
    [`postgres://host/db?uzer=${CANARY}`, /uzer is not a parameter of PostgreSQL/],
    [`postgres://host/db?7${CANARY}=x`, /a parameter that is not one of PostgreSQL/],
    [`postgres://host/db?sslmode=${CANARY}`, /sslmode must be one of/],
    ['postgres://host/db?sslmode=verify-ca', /verify-ca needs sslrootcert/],
    ['postgres://host/db?sslmode=require&sslrootcert=system', /must be verify-full with sslrootcert=system/],
    [
      `postgres://host/db?sslmode=verify-ca&sslrootcert=/nowhere/${CANARY}`,
      /sslrootcert is a file that cannot be read \(ENOENT\)/,
    ],
    [
      'postgres://host/db?sslmode=verify-ca&sslrootcert=/etc/hostname',
      /sslrootcert is a file without a PEM certificate/,
    ],
    ['postgres://host/db?sslmode=prefer&sslnegotiation=direct', /direct needs sslmode=require/],
    ['postgres://host/db?sslmode=verify-ca&sslrootcert=/dev/null', /sslrootcert is an empty file/],
    ['postgres://host/db?sslcert=/dev/null&sslkey=/dev/null', /sslcert is an empty file/],
    [
      'postgres://host/db?ssl_max_protocol_version=TLSv1.1',
      /ssl_max_protocol_version must not be below ssl_min_protocol_version, which is TLSv1\.2/,
    ],
    ['postgres://host/db?channel_binding=require&sslmode=disable', /channel_binding require needs TLS/],
    ['postgres:///db?channel_binding=require&host=/run', /channel_binding require needs TLS/],
    ['postgres://host/db?require_auth=gss,oauth', /require_auth must allow one of none, password, md5/],
    ['postgres://host/db?target_session_attrs=standby', /must be read-write or primary/],
    ['postgres://host/db?channel_binding=yes', /channel_binding must be one of/],
    ['postgres://host/db?connect_timeout=soon', /connect_timeout must be a whole number/],
    [
      'postgres://host/db?options=-c%20statement_timeout%3D9',
      /options sets statement_timeout, which the server sets/,
    ],
    ['postgres://host/db?options=-c%20nonsense', /has a -c that is not/],
    ['postgres://host/db?require_auth=kerberos', /require_auth must be/],
    ['postgres://host/db?sslcrl=/x', /sslcrl is not supported here/],
    ['postgres://host/db?gssencmode=require', /gssencmode is not supported here/],
    ['postgres://host/db?service=main', /service is not supported here/],
    ['postgres://host/db?schema=auth', /set DATABASE_SCHEMA instead/],
    ['postgres://host/db?connection_limit=5', /set DATABASE_POOL_SIZE instead/],
    ['postgres://host/db?pgbouncer=true', /pooler in session mode needs nothing/],
  ])('%s', (text, says) => {
    const faults = faultsOf(text)

    expect(faults.join('\n')).toMatch(says)
    expect(faults.join('\n')).not.toContain(CANARY)
    for (const fault of faults) expect(fault).toMatch(/^DATABASE_URL: /)
  })
})

test('the place of a database is described without user and password', () => {
  expect(describePlace('postgres://u:secret@[::1]:5/db')).toBe('[::1]:5, database db')
  expect(describePlace('postgres://u:secret@a:1,b:2/db')).toBe('a:1, b:2, database db')
  expect(describePlace('postgres://u:secret@/db?host=/run/x')).toBe('/run/x/.s.PGSQL.5432, database db')
})

test('a setting of the server is recognised in upper and lower case', () => {
  expect(['timezone', 'DateStyle', 'work_mem'].map(isOwnSetting)).toEqual([true, true, false])
})

const PSQL = findProgram('psql')

/** libpq names the servers to which it could not connect. */
describe.skipIf(!PSQL)('psql connects to the same server with', () => {
  test.each([
    'postgres://u:p%40w@127.0.0.1:1/db',
    'postgres://u@[::1]:1/db',
    'postgres://u@/db?host=/nowhere&port=1',
    'postgres://u@127.0.0.1:1,[::1]:2/db',
    'postgres://u@%2Fnowhere:1/db',
    'postgres://u@localhost/db?hostaddr=127.0.0.1&port=1',
  ])('%s', (text) => {
    const { stderr } = spawnSync(PSQL, [text, '-c', 'select 1'], { encoding: 'utf8' })
    const { hosts } = parse(text)

    for (const { name, address, port } of hosts) {
      const place = name.startsWith('/')
        ? `socket "${name}/.s.PGSQL.${port}"`
        : `server at "${address ?? name}", port ${port}`
      expect(stderr).toContain(place)
    }
  })
})
