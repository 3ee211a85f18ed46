import { readFile } from 'node:fs/promises'
import postgres from 'postgres'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { checkDatabase } from '../src/cli/doctor/database.ts'
import type { DatabaseSettings } from '../src/db/connection/connect.ts'
import { explainFault } from '../src/db/database-fault.ts'
import { migrate } from '../src/db/migrate.ts'
import { createDatabase, openDatabase } from './support/database.ts'
import { hasPgbouncer, startPgbouncer } from './support/pgbouncer.ts'
import { launchProgram, startProgram } from './support/program.ts'
import { openForTest, useResource } from './support/resource.ts'
import { pause } from './support/time.ts'

/** A database, and a role that has no rights there but to connect. */
async function createRole(options = '') {
  const database = await createDatabase()
  const role = `role_${crypto.randomUUID().slice(0, 8)}`
  await database.sql.unsafe(`create role ${role} login password 'pw' ${options}`)
  const url = new URL(database.url)
  Object.assign(url, { username: role, password: 'pw' })
  return {
    ...database,
    role,
    url: url.href,
    async close() {
      await database.sql.unsafe(`drop owned by ${role}`)
      const admin = postgres(database.url.replace(`/${database.name}`, '/postgres'), { max: 1 })
      await database.drop()
      await admin.unsafe(`drop role ${role}`)
      await admin.end()
    },
  }
}

/** The messages of a start and of doctor, which must be the same. */
async function explain(settings: DatabaseSettings) {
  const atStart = await migrate(settings).then(
    () => 'success',
    (fault: Error) => (explainFault(fault) ?? fault).message,
  )
  const { verdict } = await checkDatabase(settings)
  return { atStart, inDoctor: `${verdict.state}: ${verdict.summary}. ${verdict.advice}` }
}

function expectSentence({ atStart, inDoctor }: Awaited<ReturnType<typeof explain>>, sentence: RegExp) {
  expect(atStart).toMatch(sentence)
  expect(inDoctor).toMatch(sentence)
  expect(inDoctor).toMatch(/^bad: /)
}

describe('a start and doctor name the same reason:', () => {
  test('an encoding that is not UTF8', async () => {
    const { sql, url } = await openDatabase()
    const name = `ascii_${crypto.randomUUID().slice(0, 8)}`
    await sql.unsafe(`create database ${name} encoding 'SQL_ASCII' locale 'C' template template0`)
    const there = new URL(url)
    there.pathname = `/${name}`
    const messages = await explain({ DATABASE_URL: there.href })
    await sql.unsafe(`drop database ${name} with (force)`)

    expectSentence(messages, /encoding SQL_ASCII.*createdb --encoding=UTF8/)
  })

  test('a database that accepts no writes', async () => {
    const { url, setDefault } = await openDatabase()
    await setDefault('default_transaction_read_only = on')

    expectSentence(
      await explain({ DATABASE_URL: url }),
      /accepts no writes: default_transaction_read_only is on.*Switch it off/,
    )
  })

  test('a database that accepts no connections, and options that it does not understand', async () => {
    const { sql, url } = await openDatabase()
    const closed = `closed_${crypto.randomUUID().slice(0, 8)}`
    await sql.unsafe(`create database ${closed} allow_connections false`)
    const there = new URL(url)
    there.pathname = `/${closed}`
    const messages = await explain({ DATABASE_URL: there.href })
    await sql.unsafe(`drop database ${closed}`)
    const forPooler = await explain({ DATABASE_URL: `${url}&options=project%3Dacme` })
    const wrongValue = await explain({ DATABASE_URL: `${url}&options=-c%20work_mem%3Dmuch` })

    expectSentence(forPooler, /options of DATABASE_URL, which may be meant for a pooler/)
    expectSentence(wrongValue, /does not know a value in options/)
    expectSentence(messages, /accepts no connections.*allow_connections true/)
  })

  test('options that the role may not set, or that do not exist, by their names', async () => {
    const { url } = await openForTest(createRole)
    const explainOption = (option: string) => explain({ DATABASE_URL: `${url}&options=-c%20${option}` })

    expectSentence(
      await explainOption('session_replication_role%3Dreplica'),
      /\(42501: permission denied to set parameter "session_replication_role"\)\. The role lacks a right/,
    )
    expectSentence(
      await explainOption('work_memory%3D8MB'),
      /\(42704: .*"work_memory"\)\. It does not know a setting in options/,
    )
  })

  test('a role that may not sign in, in the words of PostgreSQL', async () => {
    const { url, sql, role } = await openForTest(createRole)
    await sql.unsafe(`alter role ${role} nologin`)

    expectSentence(
      await explain({ DATABASE_URL: url }),
      new RegExp(`28000: role "${role}" is not permitted to log in.*It refuses the user`),
    )
  })

  test('triggers that do not run', async () => {
    const { url, setDefault } = await openDatabase()
    await setDefault('session_replication_role = replica')

    expectSentence(
      await explain({ DATABASE_URL: url }),
      /Triggers do not run: session_replication_role is replica.*alter database/,
    )
  })

  test('a role without CREATE, with and without the schema', async () => {
    const { url, sql, role, empty } = await openForTest(createRole)
    await empty()
    await sql.unsafe(`grant usage on schema public to ${role}`)

    expectSentence(
      await explain({ DATABASE_URL: url }),
      new RegExp(
        `"${role}" may not create tables in the schema "public".*grant create on schema "public" to "${role}"`,
      ),
    )
    expectSentence(
      await explain({ DATABASE_URL: url, DATABASE_SCHEMA: 'auth' }),
      new RegExp(`no schema "auth".*create schema "auth" authorization "${role}"`),
    )
    await sql.unsafe(`create schema auth authorization ${role}`)
    expect((await explain({ DATABASE_URL: url, DATABASE_SCHEMA: 'auth' })).atStart).toBe('success')
  })

  test('a role that may not use the tables or functions of another role', async () => {
    const { url, sql, role } = await openForTest(createRole)

    expectSentence(await explain({ DATABASE_URL: url }), /may not read the table servauth_migrations/)
    await sql.unsafe(`grant select on all tables in schema public to ${role}`)
    expectSentence(
      await explain({ DATABASE_URL: url }),
      /may not read and write these tables: .*users.*grant select, insert/,
    )
    await sql.unsafe(`grant select, insert, update, delete on all tables in schema public to ${role}`)
    expect(await explain({ DATABASE_URL: url })).toEqual({
      atStart: 'success',
      inDoctor: expect.stringMatching(/^good: .*schema public/),
    })
    await sql`revoke execute on all functions in schema public from public`
    expectSentence(
      await explain({ DATABASE_URL: url }),
      /may not execute these functions: .*announce_event.*grant execute on all functions/,
    )
    await sql.unsafe(`grant execute on all functions in schema public to ${role}`)
    expect((await explain({ DATABASE_URL: url })).atStart).toBe('success')
    await sql`delete from servauth_migrations where name = (select max(name) from servauth_migrations)`
    expectSentence(
      await explain({ DATABASE_URL: url }),
      /tables belong to the role "servauth".*Run "servauth migrate" once/,
    )
  })
})

test('a schema that was renamed is refused with its former name', async () => {
  const { url, sql } = await openDatabase()
  await sql`alter schema public rename to "Auth"`
  await sql`create schema public`

  expectSentence(
    await explain({ DATABASE_URL: url, DATABASE_SCHEMA: 'Auth' }),
    /The schema "Auth" was renamed, and its functions still use public.*alter schema "Auth" rename to public/,
  )
})

test('a start that migrates for long logs what it does', async () => {
  const { url, sql } = await openDatabase()
  await sql.unsafe(`drop function clear_disabled_until() cascade; alter table users drop column disabled_until;
    delete from servauth_migrations where name = '0027_suspensions';
    create function wait() returns event_trigger language plpgsql as $$ begin perform pg_sleep(7); end $$;
    create event trigger slow on ddl_command_start when tag in ('ALTER TABLE') execute function wait()`)
  const program = await startProgram({ DATABASE_URL: url })
  await program.stop()

  expect(messagesOf(program.output())).toContainEqual(
    expect.stringMatching(/^not ready yet: .* taken \d+ s so far: 0027_suspensions, statement 1 of 4$/),
  )
})

test('two roles and a schema, and commands for psql, work as the documents say', async () => {
  const { url, sql, role, empty } = await openForTest(createRole)
  const server = `${role}_server`
  onTestFinished(async () => void (await sql.unsafe(`drop owned by ${server}; drop role ${server}`)))
  const read = (name: string) => readFile(`docs/${name}.md`, 'utf8')
  const asWritten = (text = '') => text.replaceAll('servauth', role).replaceAll('…', 'pw')
  const blocks = (await read('database')).match(/(?<=```sql\n).*?(?=```)/gs) ?? []
  const commands = (await read('operations')).match(/(?<=psql.* -c (["'])).*?(?=\1)/g) ?? []
  const DATABASE_SCHEMA = role
  const ofServer = new URL(url)
  ofServer.username = server
  await empty()

  await sql.unsafe(asWritten(blocks.join('').match(/create schema .*/)?.[0]))
  await migrate({ DATABASE_URL: url, DATABASE_SCHEMA })
  await sql.unsafe(asWritten(blocks.find((block) => block.includes('servauth_server'))))
  const asOwner = postgres(url, { max: 1, connection: { search_path: role } })
  onTestFinished(() => asOwner.end())

  expect(await explain({ DATABASE_URL: ofServer.href, DATABASE_SCHEMA })).toEqual({
    atStart: 'success',
    inDoctor: expect.stringMatching(/^good/),
  })
  expect(commands.length).toBeGreaterThan(3)
  for (const command of commands) await asOwner.unsafe(command)
})

test('doctor names a wrong password, a server that is down, and TLS that the server does not offer', async () => {
  const { url } = await openDatabase()
  const checkChanged = (change: (url: URL) => void) => {
    const copy = new URL(url)
    change(copy)
    return checkDatabase({ DATABASE_URL: copy.href })
  }
  const wrong = await checkChanged((copy) => (copy.password = 'canary'))
  const down = await checkChanged((copy) => (copy.port = '1'))
  const encrypted = await checkChanged((copy) => (copy.search = 'sslmode=require'))

  expect(wrong.verdict).toMatchObject({ state: 'bad', summary: expect.stringMatching(/28P01/) })
  expect(down.verdict).toMatchObject({ state: 'bad', summary: expect.stringMatching(/ECONNREFUSED/) })
  expect(encrypted.verdict).toMatchObject({ state: 'bad', advice: expect.stringMatching(/offers no TLS/) })
  expect(JSON.stringify([wrong, down, encrypted])).not.toContain('canary')
})

test('before the first start, doctor says that nothing is there yet', async () => {
  const { url, empty } = await openDatabase()
  await empty()
  const { verdict } = await checkDatabase({ DATABASE_URL: url })

  expect(verdict).toMatchObject({ state: 'note', summary: expect.stringContaining('nothing is there yet') })
})

/** The messages of a log, without those about requests and mails. */
const messagesOf = (output: string) =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => String((JSON.parse(line) as { msg?: unknown }).msg))
    .filter((message) => !/^request$|mail/.test(message))

test('a server that waits logs the reason once, and is ready when the reason is gone', async () => {
  const { url, sql, setDefault } = await openDatabase()
  await setDefault('default_transaction_read_only = on')
  const program = await launchProgram({ DATABASE_URL: url, THROTTLE: 'on' })
  await expect.poll(program.output).toContain('not ready yet')
  // Three more attempts, one each second.
  await pause(3500)
  const messages = messagesOf(program.output())
  await sql`set default_transaction_read_only = off`
  await setDefault('default_transaction_read_only = off')
  await program.untilReady()
  await program.stop()

  expect(messages).toEqual([
    expect.stringMatching(/^not ready yet: The database .* accepts no writes: .*\. Switch it off/),
  ])
})

test('a server that cannot finish its start is not ready, and starts nothing twice', async () => {
  const { url, sql } = await openDatabase()
  const holder = await sql.reserve()
  await holder`begin`
  await holder`lock table webhooks in exclusive mode`
  const program = await launchProgram({ DATABASE_URL: url, EVENT_PULL: 'true' })
  await expect.poll(program.output).toContain('not ready yet')
  // Two more attempts, each until the lock_timeout.
  await pause(7000)
  const before = await fetch(`${program.url}/ready`)
  await holder`rollback`
  holder.release()
  await program.untilReady()
  const listening = () => sql`select distinct pid from pg_stat_activity
    where datname = current_database() and query like '%pg_listening_channels%' and pid <> pg_backend_pid()`
  await expect.poll(async () => (await listening()).length).toBeGreaterThan(0)
  const listeners = await listening()
  await program.stop()

  expect([before.status, listeners.length]).toEqual([503, 1])
})

describe('a role that may open three connections', () => {
  const database = useResource(() => createRole('connection limit 3'))
  beforeAll(async () => {
    await database.sql.unsafe(
      `drop schema public cascade; create schema public authorization ${database.role}`,
    )
  })

  test('is enough for a server with DATABASE_POOL_SIZE=1', async () => {
    const settings = { DATABASE_URL: database.url, DATABASE_POOL_SIZE: '1', SMTP_URL: 'smtp://127.0.0.1:1' }
    const program = await startProgram(settings)
    let most = 0
    const count = async () => {
      const [row] =
        await database.sql`select count(*)::int from pg_stat_activity where usename = ${database.role}`
      most = Math.max(most, Number(row?.count))
    }
    const watch = setInterval(() => void count(), 50)
    onTestFinished(async () => {
      clearInterval(watch)
      await program.stop()
    })
    const codes = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const { client, input, user } = await program.registerUser()
        const newPassword = 'another long phrase'
        const answers = [
          await program.client().login({ ...input, password: 'not the password' }),
          await program.client().login(input),
          await client.me(),
          await client.refresh(),
          await client.updateMe({ username: 'Ada' }),
          await client.changePassword({ currentPassword: input.password, newPassword }),
          await client.updateMe({ email: `moved-${user.email}`, currentPassword: newPassword }),
          await client.call('requestPasswordReset', { email: user.email }),
          await client.sessions(),
          await client.events(),
          await client.call('revokeOtherSessions'),
          await client.deleteMe({ password: newPassword }),
        ]
        return answers.map(({ code }) => code).filter(Boolean)
      }),
    )
    // The listening connection is checked over another one every five seconds.
    await pause(6000)
    await program.stop()

    expect(codes).toEqual(Array(4).fill(['INVALID_CREDENTIALS']))
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(3)
    expect(messagesOf(program.output())).toEqual([expect.stringMatching(/^THROTTLE/), 'ready', 'stopping'])
  })

  test('is reported if the pool of the server is larger', async () => {
    const warnings: string[] = []
    await migrate({ DATABASE_URL: database.url }, { onWarning: (message) => warnings.push(message) })
    const { verdict } = await checkDatabase({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: 20 })

    expect(warnings).toEqual([
      expect.stringMatching(/allows 3 connections, and the server may open 22.*DATABASE_POOL_SIZE/),
    ])
    expect(verdict).toMatchObject({ state: 'note', summary: expect.stringContaining('allows 3 connections') })
  })
})

describe.runIf(hasPgbouncer)('behind PgBouncer', () => {
  test('in session mode, everything works without further settings', async () => {
    const { url: direct, setDefault } = await openDatabase()
    await setDefault(`statement_timeout = '1s'`)
    const { url } = await startPgbouncer(direct, 'session')
    const program = await startProgram({ DATABASE_URL: url, THROTTLE: 'on' })
    const { client } = await program.registerUser()
    const answers = [await client.me(), await client.refresh(), await client.logout()]
    const { verdict } = await checkDatabase({ DATABASE_URL: url })
    await program.stop()

    expect(answers.map(({ code }) => code)).toEqual(Array(3).fill(undefined))
    expect(verdict).toMatchObject({ state: 'good' })
    expect(messagesOf(program.output())).toEqual(['ready', 'stopping'])
  })

  test('that keeps the locks of a client that left, no start waits for an earlier one', async () => {
    const { url: direct } = await openDatabase()
    const { url } = await startPgbouncer(direct, 'session', 40, ['server_reset_query = RESET ALL'])
    const start = () => migrate({ DATABASE_URL: url })
    await start()

    expect(await Promise.all([start(), start()])).toEqual([[], []])
  })

  test('its own refusals are named in its words', async () => {
    const { url: direct } = await openDatabase()
    const { url } = await startPgbouncer(direct, 'session')
    const [wrongPassword, wrongDatabase] = [new URL(url), new URL(url)]
    wrongPassword.password = 'wrong'
    wrongDatabase.pathname = '/absent'

    expectSentence(
      await explain({ DATABASE_URL: wrongPassword.href }),
      /\(08P01: .*auth.*\)\. A pooler in front of it refuses the connection/i,
    )
    expectSentence(
      await explain({ DATABASE_URL: wrongDatabase.href }),
      /\(08P01: no such database: absent\)\. A pooler in front of it refuses/,
    )
    expectSentence(
      await explain({ DATABASE_URL: `${url}&options=-d1` }),
      /\(08P01: unsupported startup parameter: options\)\. A pooler/,
    )
  })

  test('in transaction mode, a start is refused in words and leaves nothing behind', async () => {
    const { url: direct } = await openDatabase()
    const { url } = await startPgbouncer(direct, 'transaction')
    const messages = await explain({ DATABASE_URL: url })
    const other = postgres(url, { max: 1, prepare: false, fetch_types: false })
    const [row] = await other`select current_setting('statement_timeout') as value`
    await other.end()

    expectSentence(messages, /no session of their own.*uses transaction mode/)
    expect(row?.value).toBe('0')
  })
})
