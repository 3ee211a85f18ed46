import { spawnSync } from 'node:child_process'
import { open, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { version } from '../package.json' with { type: 'json' }
import { createProgram } from '../src/cli/commands.ts'
import { explainError } from '../src/cli/support/command-error.ts'
import { callCommand } from './support/command.ts'
import { useDatabase } from './support/database.ts'
import { createFolder } from './support/folder.ts'
import { freePort, PROGRAM, runCommand, startProcess } from './support/process.ts'
import { launchInFolder } from './support/program.ts'
import { startServer } from './support/server.ts'

const database = useDatabase()

const COMMANDS = ['serve', 'migrate', 'doctor', 'keys', 'mail', 'user', 'import', 'webhook-key']

test.each(['--help', '-h', 'help'])('%s lists the commands', async (words) => {
  const { code, output } = await runCommand(words, { env: {} })

  expect(code).toBe(0)
  for (const name of COMMANDS) expect(output).toMatch(new RegExp(`^ +${name} `, 'm'))
})

test('every command has a short line in the list of commands', () => {
  const listed = ({ commands }: Command): Command[] => commands.flatMap((one) => [one, ...listed(one)])

  for (const command of listed(createProgram({}, {}))) expect(command.summary()).toMatch(/^[a-z].*[^.]$/)
})

test('--version prints the version', async () => {
  expect(await runCommand('--version', { env: {} })).toEqual({ code: 0, output: `${version}\n` })
})

test.each([
  ['nonsense', "unknown command 'nonsense'", 'doctor'],
  ['docter', 'Did you mean doctor?', 'migrate'],
  ['--nonsense', "unknown option '--nonsense'", 'doctor'],
  ['serve now', 'too many arguments', 'servauth serve'],
  ['user', 'Usage: servauth user', 'sign-out [options] <address>'],
  ['user show', "missing required argument 'address'", 'Usage: servauth user show'],
  ['user show ada', 'It must be an e-mail address.', 'Usage: servauth user show'],
  ['user shw ada@example.com', 'Did you mean show?', 'sign-out [options] <address>'],
  ['keys', 'Usage: servauth keys', 'rotate'],
  ['doctor --mail-to', 'argument missing', 'Usage: servauth doctor'],
  ['doctor --mail-to nobody', 'It must be an e-mail address.', 'Usage: servauth doctor'],
])('the wrong command "%s" fails with its usage', async (words, what, how) => {
  const { code, output } = await runCommand(words, { env: {} })

  expect(code).toBe(2)
  expect(output).toContain(what)
  expect(output).toContain(how)
})

test('a command without settings names the missing ones', async () => {
  const { code, output } = await runCommand('user show ada@example.com', { env: {} })

  expect([code, output]).toEqual([1, expect.stringContaining('DATABASE_URL: is required')])
})

test('a command says what to do about an unavailable database, without its password', async () => {
  const server = await startServer({}, { hasProxy: true })
  server.proxy.cut()

  const { code, output } = await runCommand('user show ada@example.com', { env: server.env })

  expect(code).toBe(1)
  expect(output).not.toContain(new URL(server.env.DATABASE_URL).password)
  expect(output).toContain(
    'The database is not available (ECONNRESET). It closes the connection. Look at its log',
  )
})

test('a command says what to do if PostgreSQL refuses it', async () => {
  const url = new URL(database.url)
  url.pathname = '/nosuchdatabase'
  const env = {
    DATABASE_URL: url.href,
    AUTH_SECRET: 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0',
    PUBLIC_URL: 'https://a.example',
  }

  expect(await callCommand('keys show', { env })).toEqual({
    code: 1,
    output: expect.stringContaining('There is no such database. Make it with createdb'),
  })
  const ofSource = { ...env, DATABASE_URL: database.url, IMPORT_URL: url.href }
  const { output } = await callCommand('import supabase', { env: ofSource })
  expect(output).toContain('The database of IMPORT_URL cannot be used')
  expect(output).not.toContain('DATABASE_URL')
})

test.each([
  ['passwords build FOLDER/none', 'FOLDER/none'],
  ['passwords build FOLDER --output FOLDER/list', 'directory'],
  ['mail preview FOLDER/file', 'FOLDER/file'],
  ['mail templates FOLDER/file/inside', 'FOLDER/file'],
  ['import auth0 FOLDER/users --hashes FOLDER/none', 'FOLDER/none'],
  ['import supabase', 'FOLDER/none'],
])('the command "%s" blames the file, not the database', async (words, named) => {
  const folder = await createFolder()
  await writeFile(join(folder, 'file'), '')
  await writeFile(join(folder, 'users'), '{"user_id":"auth0|1","email":"ada@example.com"}\n')
  const env = {
    DATABASE_URL: database.url,
    AUTH_SECRET: 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0',
    PUBLIC_URL: 'https://a.example',
    IMPORT_URL_FILE: join(folder, 'none'),
  }

  const { code, output } = await callCommand(words.replaceAll('FOLDER', folder), { env })

  expect(code).toBe(1)
  expect(output).toContain(named.replace('FOLDER', folder))
  expect(output).not.toContain('PostgreSQL')
})

test.skipIf(process.platform !== 'linux')(
  'a command whose result is lost, because the disk is full, fails',
  async () => {
    const full = await open('/dev/full', 'w')
    const { status, stderr } = spawnSync(PROGRAM, ['webhook-key', 'create'], {
      stdio: ['ignore', full.fd, 'pipe'],
    })
    await full.close()

    expect(status).toBe(1)
    expect(`${stderr}`).toMatch(/^\s*A file or folder cannot be used: ENOSPC: .+\s*$/)
  },
)

test('a disk that fails while a file is read is not taken for the database', () => {
  const fault = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' })

  expect(explainError(fault)).toBe('A file or folder cannot be used: EIO: i/o error, read.')
})

test('a database that is starting is named, with what to do', () => {
  const fault = Object.assign(new Error('starting up'), { name: 'PostgresError', code: '57P03' })

  expect(explainError(fault)).toMatch(/^The database is not available \(57P03\)\. It is starting/)
})

describe('migrate', () => {
  const env = () => ({
    DATABASE_URL: database.url,
    AUTH_SECRET: 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0',
    PUBLIC_URL: 'https://a.example',
  })

  test('migrate names the migrations that it applied, and applies none the next time', async () => {
    await database.sql`drop schema public cascade`
    await database.sql`create schema public`

    const first = await runCommand('migrate', { env: env() })
    const second = await runCommand('migrate', { env: env() })

    expect(first.code).toBe(0)
    // A slow machine also shows how long a statement has run so far.
    expect(first.output.replace(/^ {2}… .*\n/gm, '')).toMatch(
      /0000_tables\n.*0001_keep_updated_at\n.*0002_[\s\S]*Applied \d+: the database is up to date/,
    )
    expect(second).toMatchObject({ code: 0, output: expect.stringContaining('Nothing to do') })
  })

  test('migrate reports that it waits for another process that migrates', async () => {
    let migrating: ReturnType<typeof startProcess> | undefined
    await database.sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(7378283)`
      migrating = startProcess({ env: env(), args: ['migrate'] })
      await expect
        .poll(() => migrating?.output())
        .toMatch(/waiting for another process that migrates, \d+ s so far/)
    })

    expect((await migrating?.exited)?.code).toBe(0)
  })
})

test('in development, a command works with and without a running server', async () => {
  const cwd = await createFolder()
  const server = launchInFolder(cwd, { PORT: String(await freePort()) })
  await server.untilReady()
  const { client, email } = await server.registerUser()

  const checked = await runCommand('doctor', { cwd, env: {} })
  const disabled = await runCommand(`user disable ${email}`, { cwd, env: {} })
  const me = await client.me()
  await server.stop()
  const shown = await runCommand(`user show ${email}`, { cwd, env: {} })
  const running = await stat(join(cwd, '.servauth/postgres/postmaster.pid')).catch(() => null)

  expect(checked).toMatchObject({ code: 0, output: expect.stringContaining('All is well.') })
  expect(disabled.code).toBe(0)
  expect(me.reason).toBe('REVOKED')
  expect(shown).toMatchObject({ code: 0, output: expect.stringMatching(/disabled +since/) })
  expect(running).toBeNull()
})

test('in development, a command makes no database and names the missing one', async () => {
  const cwd = await createFolder()
  const env = { NODE_ENV: 'development' }

  const shown = await runCommand('user show ada@example.com', { cwd, env })
  const checked = await runCommand('doctor', { cwd, env })
  const checkedWithoutSettings = await runCommand('doctor', { cwd, env: {} })

  expect(shown).toMatchObject({ code: 1, output: expect.stringContaining('no server was started here yet') })
  expect(checked).toMatchObject({
    code: 0,
    output: expect.stringMatching(/note +database +nothing is there yet[\s\S]*bun run dev/),
  })
  expect(checkedWithoutSettings).toEqual(checked)
  await expect(stat(join(cwd, '.servauth'))).rejects.toThrow()
})
