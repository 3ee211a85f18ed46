import { expect, test } from 'vitest'
import { DATABASE_LIMITS } from '../src/db/limits.ts'
import { LOCKS } from '../src/db/locks.ts'
import { migrate, SILENCE_MS } from '../src/db/migrate.ts'
import { createDatabase } from './support/database.ts'
import { createProxy } from './support/proxy.ts'
import { pause, secondsSince } from './support/time.ts'

async function databaseWithProxy() {
  const database = await createDatabase()
  const proxy = await createProxy(database.url)
  return {
    ...database,
    proxy,
    async drop() {
      await proxy.close()
      await database.drop()
    },
  }
}

test.concurrent('a migration on a database that freezes fails and can be repeated', async () => {
  const { sql, proxy, drop } = await databaseWithProxy()
  const other = await sql.reserve()
  await other`select pg_advisory_lock(${LOCKS.migration})`
  const frozen = migrate({ DATABASE_URL: proxy.url })
  const outcome = frozen.then(
    () => 'done',
    (fault: Error) => fault.message,
  )
  await expect
    .poll(
      () =>
        sql`select from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`,
    )
    .toHaveLength(1)

  const began = performance.now()
  proxy.freeze()
  const message = await outcome
  const took = secondsSince(began)
  proxy.restore()
  await other`select pg_advisory_unlock(${LOCKS.migration})`
  other.release()
  await migrate({ DATABASE_URL: proxy.url })
  await drop()

  expect(message).toMatch(/^The database does not answer\. /)
  expect(took).toBeLessThan((3 * SILENCE_MS) / 1000)
})

test.concurrent('a migration waits for the migration of another replica as long as it takes', async () => {
  const { sql, proxy, drop } = await databaseWithProxy()
  const other = await sql.reserve()
  await other`select pg_advisory_lock(${LOCKS.migration})`
  const [holder] = await other`select pg_backend_pid() as pid`
  const began = performance.now()
  const warnings: string[] = []
  const waiting = migrate({ DATABASE_URL: proxy.url }, { onWarning: (message) => warnings.push(message) })

  await pause(13_000)
  await other`select pg_advisory_unlock(${LOCKS.migration})`
  other.release()
  await waiting
  await drop()

  expect(secondsSince(began)).toBeGreaterThan(13)
  expect(warnings).toEqual([
    expect.stringContaining(`waits for it: process ${holder?.pid} in pg_stat_activity`),
  ])
})

test.concurrent('a migration takes as long as a slow database needs that answers each question', async () => {
  const { proxy, drop } = await databaseWithProxy()
  proxy.slow(600)
  const began = performance.now()

  const databaseLimits = { ...DATABASE_LIMITS, connectSeconds: 60 }
  expect(await migrate({ DATABASE_URL: proxy.url, databaseLimits })).toEqual([])

  const seconds = secondsSince(began)
  proxy.restore()
  await drop()
  expect(seconds).toBeGreaterThan(SILENCE_MS / 1000)
})

test.concurrent('while a migration waits for a long transaction, other sessions use its tables', async () => {
  const { sql, url, drop } = await createDatabase()
  await sql.unsafe(`drop function clear_disabled_until() cascade; alter table users drop column disabled_until;
    delete from servauth_migrations where name = '0027_suspensions'`)
  const backup = await sql.reserve()
  await backup.unsafe('begin; lock table users in access share mode')
  const [{ pid } = {}] = await backup`select pg_backend_pid() as pid`
  const warnings: string[] = []
  const migrated = migrate({ DATABASE_URL: url }, { onWarning: (message) => warnings.push(message) })
  await expect.poll(() => warnings).toHaveLength(1)

  const reads = await sql.begin((tx) => [tx`set local lock_timeout = '10 s'`, tx`select from users`])
  await backup.unsafe('commit')
  backup.release()
  const applied = await migrated
  await drop()

  expect(warnings[0]).toBe(
    `the migration waits until other transactions release Servauth's tables: process ${pid} in pg_stat_activity`,
  )
  expect(reads[1]).toEqual([])
  expect(applied).toEqual(['0027_suspensions'])
})
