import { connect as connectTo, createServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import postgres, { type TransactionSql } from 'postgres'
import { describe, expect, test } from 'vitest'
// @ts-expect-error The driver has no types for its files.
import Queue from '../node_modules/postgres/src/queue.js'
import { createDb } from '../src/db/client.ts'
import { useDatabase } from './support/database.ts'
import { portOf } from './support/net.ts'
import { createProxy } from './support/proxy.ts'
import { pause } from './support/time.ts'

/** The patch of the driver in `patches/`; without it a cancelled statement harms others. */
describe('the driver', () => {
  const database = useDatabase()

  function connect(url = database.url, max = 1) {
    const sql = postgres(url, { max, fetch_types: false, onnotice: () => {} })
    const ask = (seconds: number, answer: string) =>
      sql.unsafe('select pg_sleep($1::float8), $2::text as answer', [seconds, answer] as never[], {
        prepare: true,
      })
    return { sql, ask }
  }
  const answerTo = (query: PromiseLike<readonly Record<string, unknown>[]>) =>
    query.then(
      ([row]) => row?.answer,
      (fault: { code: string }) => fault.code,
    )

  test('statements behind a cancelled one on the connection get their own answers', async () => {
    const { sql, ask } = connect()
    await ask(0, 'makes the connection')
    await ask(0, 'is prepared')
    const waiting = ask(0.2, 'second')
    const answers = Promise.all([
      answerTo(ask(0.5, 'first')),
      answerTo(waiting),
      ...['third', 'fourth', 'fifth'].map((name) => answerTo(ask(0, name))),
    ])
    await pause(200)

    ;(waiting as unknown as { cancel(): void }).cancel()

    const [first, , ...behind] = await answers
    expect(first).toBe('first')
    // A cancel request hits the statement that runs when it arrives, but no answers are swapped.
    for (const [index, answer] of behind.entries()) {
      expect([['third', 'fourth', 'fifth'][index], '57014']).toContain(answer)
    }
    expect(await answerTo(ask(0, 'after'))).toBe('after')
    await sql.end({ timeout: 1 })
  })

  /** A table that the statements of the pool have read, with another type of column since then. */
  async function changeTable(sql: ReturnType<typeof postgres>) {
    const askTable = (answer: string, on: typeof sql | TransactionSql = sql) =>
      on.unsafe('select value, $1::text as answer from shapes', [answer], { prepare: true })
    await database.sql`drop table if exists shapes`
    await database.sql`create table shapes as select 1 as value`
    await Promise.all(Array.from({ length: 20 }, () => askTable('is prepared')))
    await database.sql`alter table shapes alter value type text`
    return askTable
  }

  test.each([1, 4])(
    'after a change of a table, every statement of %i connections gets its own answer',
    async (max) => {
      const { sql, ask } = connect(database.url, max)
      await ask(0, 'is prepared')
      const askTable = await changeTable(sql)

      const names = Array.from({ length: 200 }, (_, index) => `statement ${index}`)
      const answers: PromiseLike<unknown>[] = []
      for (const [index, name] of names.entries()) {
        answers.push(answerTo(index % 3 ? ask(0, name) : askTable(name)))
        await setImmediate()
      }

      expect(await Promise.all(answers)).toEqual(names)
      await sql.end({ timeout: 1 })
    },
  )

  test('after a change of a table, a transaction that reads it fails once', async () => {
    const { sql } = connect()
    const askTable = await changeTable(sql)
    const read = () => answerTo(sql.begin((tx) => askTable('row', tx)))

    expect(await read()).toBe('0A000')
    expect(await read()).toBe('row')
    await sql.end({ timeout: 1 })
  })

  test('after a change of a table, a transaction of the server is refused as unavailable, and then runs', async () => {
    const { db, close } = createDb({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: 1 })
    const read = () => db.transaction((tx) => tx.execute(sql`select value from shapes where ${0} < 1`))
    await database.sql`drop table if exists shapes`
    await database.sql`create table shapes as select 1 as value`
    await read()
    await database.sql`alter table shapes alter value type text`

    await expect(read()).rejects.toMatchObject({ cause: { code: 'SERVICE_UNAVAILABLE' } })
    expect([...(await read())]).toEqual([{ value: '1' }])
    await close()
  })

  const FIRST_ROWS_THEN = (end: string) =>
    `select case when n = 3 then ${end} else 'row' end as answer from generate_series(1, 3) n`

  test.each([
    ['fails', '(1 / (n - 3))::text', '22012'],
    ['loses its backend', 'pg_terminate_backend(pg_backend_pid())::text', 'CONNECTION_CLOSED'],
  ])('a statement that %s after some rows leaves none of them to the next one', async (_, end, code) => {
    const { sql, ask } = connect()
    const broken = sql.unsafe(FIRST_ROWS_THEN(end), [], { prepare: true })

    expect(await answerTo(broken)).toBe(code)
    expect([...(await ask(0, 'next'))].map(({ answer }) => answer)).toEqual(['next'])
    await sql.end({ timeout: 1 })
  })

  test('a statement that is sent while its connection breaks is refused, and no answer reaches another one', async () => {
    const inbound = new Set<Socket>()
    const { hostname, port } = new URL(database.url)
    const server = createServer((socket) => {
      inbound.add(socket)
      const outbound = connectTo(Number(port), hostname)
      socket
        .on('error', () => {})
        .pipe(outbound)
        .on('error', () => {})
        .pipe(socket)
    }).listen(0, '127.0.0.1')
    const url = new URL(database.url)
    url.port = String(await portOf(server))
    const { sql, ask } = connect(url.href)
    await ask(0, 'is prepared')
    const broken = ask(10, 'first')
    // Sent by the handler of the failure, before the driver knows that the connection is closed.
    const second = answerTo(broken).then(() => answerTo(ask(0, 'second')))
    await pause(100)
    for (const socket of inbound) socket.resetAndDestroy()

    expect(['second', 'CONNECTION_CLOSED', 'ECONNRESET']).toContain(await second)
    for (const name of ['third', 'fourth']) expect(await answerTo(ask(0, name))).toBe(name)
    await sql.end({ timeout: 1 })
    server.close()
  })

  test('a statement whose server says nothing fails, and its connection is replaced', async () => {
    const proxy = await createProxy(database.url)
    const sql = postgres(proxy.url, {
      max: 1,
      fetch_types: false,
      max_silence: 2,
    } as object)
    await sql`select 1`
    proxy.freeze()

    const lost = await sql`select 1`.catch((fault: { code: string }) => fault.code)
    proxy.restore()
    const [row] = await sql`select 1 as one`
    const slow = await sql`select pg_sleep(0.3)`
    await sql.end({ timeout: 1 })
    await proxy.close()

    expect([lost, row?.one, slow.length]).toEqual(['CONNECTION_CLOSED', 1, 1])
  })

  test('the driver waits longer after each connection that the server closes', async () => {
    let count = 0
    const server = createServer((socket) => {
      count++
      socket.on('error', () => {}).end()
    }).listen(0, '127.0.0.1')
    const sql = postgres(`postgres://nobody@127.0.0.1:${await portOf(server)}/none`, {
      max: 1,
      fetch_types: false,
      backoff: (attempt) => Math.min(0.05 * 2 ** attempt, 1),
    })

    const asked = sql`select 1`.catch(() => {})
    await pause(1500)
    await sql.end({ timeout: 0 })
    await asked
    server.close()

    expect(count).toBeGreaterThan(1)
    expect(count).toBeLessThan(12)
  })

  test('a connection whose first statement is cancelled is used again', async () => {
    const proxy = await createProxy(database.url)
    proxy.slow(150)
    const { sql, ask } = connect(proxy.url)
    const first = ask(0, 'first')
    const given = answerTo(first)
    await pause(100)

    ;(first as unknown as { cancel(): void }).cancel()
    await given
    proxy.restore()

    expect(await answerTo(ask(0, 'second'))).toBe('second')
    await sql.end({ timeout: 1 })
    await proxy.close()
  })

  test('a text is prepared once for each list of types of its values', async () => {
    const { sql } = connect()
    const run = (text: string, value: unknown) => sql.unsafe(text, [value] as never[], { prepare: true })
    const [one, two] = ['select $1 as answer, 1 as n', 'select $1 as answer, 2 as n']

    for (const value of [true, 1n, true, 2n]) {
      for (const text of [one, two]) expect((await run(text, value))[0]?.answer).toBeDefined()
    }

    const prepared = await sql.unsafe(
      "select statement from pg_prepared_statements where statement like '%answer%'",
    )
    expect(prepared.map(({ statement }) => statement).sort()).toEqual([one, one, two, two])
    await sql.end({ timeout: 1 })
  })

  test('short statements of one turn share a connection, and a fault of one is not that of another', async () => {
    const sql = postgres(database.url, { max: 4, fetch_types: false, onnotice: () => {} })
    const run = (isShort: boolean) =>
      Promise.all(
        [1, 2, 0, 4, 5, 6].map((divisor) =>
          sql
            .unsafe(
              'select pg_backend_pid() as pid, 12 / $1::int as answer',
              [divisor] as never[],
              {
                prepare: true,
                isShort,
              } as object,
            )
            .then(
              ([row]) => ({ pid: row?.pid, answer: row?.answer }),
              ({ code }: { code: string }) => ({ pid: undefined, answer: code }),
            ),
        ),
      )
    const pidsOf = (answers: { pid: unknown }[]) =>
      new Set(answers.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))).size
    for (let opens = 0; opens < 4; opens++) await run(false)

    const apart = await run(false)
    const together = await run(true)

    expect(pidsOf(apart)).toBeGreaterThan(1)
    expect(pidsOf(together)).toBe(1)
    for (const answers of [apart, together])
      expect(answers.map(({ answer }) => answer)).toEqual([12, 6, '22012', 3, 2, 2])
    await sql.end({ timeout: 1 })
  })

  test('a queue of connections that is never empty stays as fast as it was', () => {
    const queue = Queue(Array.from({ length: 20 }, () => ({})))
    const use = (times: number) => {
      const began = performance.now()
      for (let turn = 0; turn < times; turn++) {
        const connection = queue.shift()
        queue.remove(connection)
        queue.push(connection)
      }
      return performance.now() - began
    }

    use(100_000)

    // 0.1 ms. It took 20 ms when the queue kept a place for everything that was ever in it.
    expect(Math.min(...Array.from({ length: 10 }, () => use(1000)))).toBeLessThan(5)
    expect(queue.length).toBe(20)
  })
})
