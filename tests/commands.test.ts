import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { version } from '../package.json' with { type: 'json' }
import { account, createClient } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { createMailbox } from './support/mailbox.ts'
import { freePort, runCommand, startProcess, untilReady } from './support/process.ts'
import { createProxy } from './support/proxy.ts'
import { startServer } from './support/server.ts'

describe('who uses it', () => {
  const COMMANDS = ['serve', 'migrate', 'doctor', 'keys', 'user', 'import']

  test.each(['--help', '-h', 'help'])('with %s is told what there is', async (words) => {
    const { code, output } = await runCommand(words, { env: {} })

    expect(code).toBe(0)
    for (const name of COMMANDS) expect(output).toMatch(new RegExp(`^ +${name} `, 'm'))
  })

  test('may ask which version it is', async () => {
    expect(await runCommand('--version', { env: {} })).toEqual({ code: 0, output: `${version}\n` })
  })

  test.each([
    ['nonsense', "unknown command 'nonsense'", 'doctor'],
    ['docter', 'Did you mean doctor?', 'migrate'],
    ['--nonsense', "unknown option '--nonsense'", 'doctor'],
    ['serve now', 'too many arguments', 'servauth serve'],
    ['user', 'Usage: servauth user', 'sign-out <address>'],
    ['user show', "missing required argument 'address'", 'Usage: servauth user show'],
    ['user show ada', 'It must be an e-mail address.', 'Usage: servauth user show'],
    ['user shw ada@example.com', 'Did you mean show?', 'sign-out <address>'],
    ['keys', 'Usage: servauth keys', 'rotate'],
    ['doctor --mail-to', 'argument missing', 'Usage: servauth doctor'],
    ['doctor --mail-to nobody', 'It must be an e-mail address.', 'Usage: servauth doctor'],
  ])('wrongly, as in "%s", is told so and how', async (words, what, how) => {
    const { code, output } = await runCommand(words, { env: {} })

    expect(code).toBe(2)
    expect(output).toContain(what)
    expect(output).toContain(how)
  })

  test('without settings is told which are missing', async () => {
    const { code, output } = await runCommand('user show ada@example.com', { env: {} })

    expect([code, output]).toEqual([1, expect.stringContaining('DATABASE_URL: is required')])
  })

  test('with a database that is away is told so, without its password', async () => {
    const server = await startServer()
    server.proxy.cut()

    const { code, output } = await runCommand('user show ada@example.com', { env: server.env })

    expect(code).toBe(1)
    expect(output).not.toContain(new URL(server.env.DATABASE_URL).password)
    expect(output).toContain('The database is not available (ECONNRESET)')
  })
})

describe('migrate', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  beforeEach(async () => {
    database = await createDatabase()
  })
  afterEach(() => database.drop())
  const env = () => ({
    DATABASE_URL: database.url,
    AUTH_SECRET: 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0',
    PUBLIC_URL: 'https://a.example',
  })

  test('says which migrations it applied, and that there are none the next time', async () => {
    await database.sql`drop schema public cascade`
    await database.sql`drop schema drizzle cascade`
    await database.sql`create schema public`

    const first = await runCommand('migrate', { env: env() })
    const second = await runCommand('migrate', { env: env() })

    expect(first.code).toBe(0)
    expect(first.output).toMatch(
      /0000_tables\n.*0001_keep_updated_at\n.*0002_[\s\S]*Applied \d+: the database is up to date/,
    )
    expect(second).toMatchObject({ code: 0, output: expect.stringContaining('Nothing to do') })
  })

  test('is seen to wait for another process that migrates', async () => {
    let migrating: ReturnType<typeof startProcess> | undefined
    await database.sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(7378283)`
      migrating = startProcess({ env: env(), args: ['migrate'] })
      await expect
        .poll(() => migrating?.output(), { timeout: 15_000 })
        .toMatch(/waiting for another process that migrates, \d+ s so far/)
    })

    expect((await migrating?.exited)?.code).toBe(0)
  })
})

describe('doctor', () => {
  let mailbox: Awaited<ReturnType<typeof createMailbox>>
  let server: Awaited<ReturnType<typeof startServer>>
  beforeAll(async () => {
    mailbox = await createMailbox()
    server = await startServer({ SMTP_URL: mailbox.url })
  })
  afterAll(() => mailbox.close())
  const doctor = (env: Record<string, string> = {}, words = 'doctor') =>
    runCommand(words, { env: { ...server.env, THROTTLE: 'on', ...env } })
  const line = (output: string, part: string) =>
    output.split('\n').find((each) => each.slice(6).startsWith(part))
  const moved = (change: (url: URL) => void) => {
    const url = new URL(server.env.DATABASE_URL)
    change(url)
    return { DATABASE_URL: url.href }
  }

  test('finds all well, tells no secret, and changes nothing', async () => {
    const before = await server.sql`select from jwks`
    const { code, output } = await doctor()

    expect(code).toBe(0)
    for (const part of ['settings', 'database', 'mail', 'clock', 'keys']) {
      expect(line(output, part)).toMatch(/^good/)
    }
    expect(line(output, 'database')).toMatch(
      /PostgreSQL 18.*answers in [\d.]+ ms, migrations are in, notifications arrive/,
    )
    expect(output).toContain('All is well.')
    const { password, username } = new URL(server.env.DATABASE_URL)
    for (const secret of [password, `${username}:`, server.env.AUTH_SECRET])
      expect(output).not.toContain(secret)
    expect(await server.sql`select from jwks`).toHaveLength(before.length)
    expect(mailbox.received).toHaveLength(0)
  })

  test('sends a test mail to whom it is told', async () => {
    const { code } = await doctor({}, 'doctor --mail-to ada@example.com')

    expect(code).toBe(0)
    await mailbox.mail('ada@example.com', /test mail/)
  })

  test.each<[string, string, RegExp, RegExp, () => Record<string, string>]>([
    [
      'settings that are wrong',
      'settings',
      /not valid/,
      /PUBLIC_URL: must be/,
      () => ({ PUBLIC_URL: 'ftp://x' }),
    ],
    [
      'a port where nothing listens',
      'database',
      /ECONNREFUSED/,
      /Start PostgreSQL/,
      () =>
        moved((url) => {
          url.port = '1'
        }),
    ],
    [
      'a wrong password',
      'database',
      /28P01/,
      /user or the password/,
      () =>
        moved((url) => {
          url.password = 'wrong-canary'
        }),
    ],
    [
      'a database that is not there',
      'database',
      /3D000/,
      /createdb/,
      () =>
        moved((url) => {
          url.pathname = '/nowhere'
        }),
    ],
    [
      'a mail server that is not there',
      'mail',
      /ESOCKET|ECONNREFUSED/,
      /Nothing listens/,
      () => ({ SMTP_URL: 'smtp://user:canary@127.0.0.1:1' }),
    ],
    [
      'a mail server without TLS where it is insisted on',
      'mail',
      /ETLS/,
      /STARTTLS/,
      () => ({ SMTP_URL: `${mailbox.url}?requireTLS=true` }),
    ],
    [
      'no mail server where addresses must be verified',
      'mail',
      /no user can register/,
      /Set SMTP_URL/,
      () => ({ SMTP_URL: '', REQUIRE_EMAIL_VERIFICATION: 'true' }),
    ],
    [
      'another AUTH_SECRET',
      'keys',
      /cannot be used/,
      /Put that one back/,
      () => ({ AUTH_SECRET: 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0' }),
    ],
  ])('names %s, with a way out', async (_, part, what, wayOut, env) => {
    const { code, output } = await doctor(env())

    expect(code).toBe(1)
    expect(line(output, part)).toMatch(/^BAD/)
    expect(output).toMatch(what)
    expect(output).toMatch(wayOut)
    expect(output).not.toMatch(/canary|q8fK2mVx/)
  })

  test('notes what works and should be known, and is content', async () => {
    const { code, output } = await doctor({ SMTP_URL: '', THROTTLE: 'off' })

    expect(code).toBe(0)
    expect(line(output, 'mail')).toMatch(/^note.*no mail is sent/)
    expect(line(output, 'settings')).toMatch(/^note.*guessed without limit/)
  })

  test('names migrations that are missing, and those of a newer version', async () => {
    const other = await startServer()
    await other.sql`delete from drizzle.__drizzle_migrations where created_at = (select max(created_at) from drizzle.__drizzle_migrations)`
    const behind = await runCommand('doctor', { env: other.env })
    await other.sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('x', 9999999999999)`
    const ahead = await runCommand('doctor', { env: other.env })

    expect(behind).toMatchObject({
      code: 1,
      output: expect.stringMatching(/lacks a migration: \d+_[\s\S]*servauth migrate/),
    })
    expect(ahead).toMatchObject({ code: 1, output: expect.stringContaining('migrated by a newer Servauth') })
  })

  test('names a pooler that forwards no notifications, and a database that does not answer', async () => {
    const proxy = await createProxy(server.env.DATABASE_URL)
    proxy.withholdNotifications()
    const pooled = await doctor({ DATABASE_URL: proxy.url })
    proxy.freeze()
    const frozen = await doctor({ DATABASE_URL: proxy.url })
    await proxy.close()

    expect(pooled).toMatchObject({ code: 1, output: expect.stringMatching(/no notifications[\s\S]*pooler/) })
    expect(frozen).toMatchObject({
      code: 1,
      output: expect.stringMatching(/CONNECT_TIMEOUT[\s\S]*does not answer/),
    })
  })

  test('names a clock that is off', async () => {
    const preload = join(tmpdir(), `servauth-clock-${process.pid}.ts`)
    await writeFile(preload, 'const now = Date.now; Date.now = () => now() + 600_000')
    const { code, output } = await doctor({ BUN_OPTIONS: `--preload ${preload}` })
    await rm(preload)

    expect(code).toBe(1)
    expect(line(output, 'clock')).toMatch(/^BAD.*(599|600|601) s ahead/)
    expect(output).toContain('NTP')
  })

  test('finds no key before the first start, and an old one worth rotating', async () => {
    const other = await startServer()
    await other.sql`update jwks set created_at = now() - interval '400 days'`
    const old = await runCommand('doctor', { env: other.env })
    await other.sql`delete from jwks`
    const none = await runCommand('doctor', { env: other.env })

    expect(old).toMatchObject({
      code: 0,
      output: expect.stringMatching(/note +keys[\s\S]*servauth keys rotate/),
    })
    expect(none).toMatchObject({
      code: 1,
      output: expect.stringMatching(/BAD +keys +there is no signing key/),
    })
    expect(await other.sql`select from jwks`).toHaveLength(0)
  })
})

describe('in development', () => {
  let cwd: string
  beforeEach(async () => {
    cwd = join(tmpdir(), `servauth-commands-${process.pid}-${Math.random().toString(36).slice(2)}`)
    await mkdir(cwd)
  })
  afterEach(() => rm(cwd, { recursive: true, force: true }))

  test('a command works beside the server that runs, and on its own when none does', async () => {
    const port = await freePort()
    const url = `http://localhost:${port}`
    const server = startProcess({ cwd, env: { NODE_ENV: 'development', PORT: String(port) } })
    await untilReady(url)
    const input = account()
    const client = createClient((path, init) => fetch(`${url}${path}`, init), 'REST', 'TOKEN')
    await client.register(input)

    const checked = await runCommand('doctor', { cwd, env: {} })
    const disabled = await runCommand(`user disable ${input.email}`, { cwd, env: {} })
    const me = await client.me()
    await server.stop()
    const shown = await runCommand(`user show ${input.email}`, { cwd, env: {} })
    const running = await stat(join(cwd, '.servauth/postgres/postmaster.pid')).catch(() => null)

    expect(checked).toMatchObject({ code: 0, output: expect.stringContaining('All is well.') })
    expect(disabled.code).toBe(0)
    expect(me.reason).toBe('REVOKED')
    expect(shown).toMatchObject({ code: 0, output: expect.stringMatching(/disabled +since/) })
    expect(running).toBeNull()
  })

  test('where no server was started, a command makes no database and says so', async () => {
    const env = { NODE_ENV: 'development' }
    const shown = await runCommand('user show ada@example.com', { cwd, env })
    const checked = await runCommand('doctor', { cwd, env })

    expect(shown).toMatchObject({
      code: 1,
      output: expect.stringContaining('no server was started here yet'),
    })
    expect(checked).toMatchObject({
      code: 1,
      output: expect.stringMatching(/BAD +database[\s\S]*DATABASE_URL/),
    })
    await expect(stat(join(cwd, '.servauth'))).rejects.toThrow()
  })
})
