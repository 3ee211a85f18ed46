import { once } from 'node:events'
import { createServer } from 'node:net'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDatabase } from './support/database.ts'
import { createProxy } from './support/proxy.ts'

/** What `patches/` mends in the driver, without which a statement that is given up harms others. */
describe('the driver, when a statement is cancelled', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.drop())

  function connect(url = database.url) {
    const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} })
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

  test('gives each of the statements behind it on the connection its own answer', async () => {
    const { sql, ask } = connect()
    await ask(0, 'makes the connection')
    await ask(0, 'is prepared')
    const waiting = ask(0.2, 'second')
    const answers = Promise.all([
      answerTo(ask(0.5, 'first')),
      answerTo(waiting),
      ...['third', 'fourth', 'fifth'].map((name) => answerTo(ask(0, name))),
    ])
    await new Promise((done) => setTimeout(done, 200))

    ;(waiting as unknown as { cancel(): void }).cancel()

    const [first, , ...behind] = await answers
    expect(first).toBe('first')
    // Cancelling meets whatever runs on the connection when it arrives, but it swaps nothing.
    for (const [index, answer] of behind.entries()) {
      expect([['third', 'fourth', 'fifth'][index], '57014']).toContain(answer)
    }
    expect(await answerTo(ask(0, 'after'))).toBe('after')
    await sql.end({ timeout: 1 })
  })

  test('waits longer and longer for a server that takes connections and closes them', async () => {
    let count = 0
    const server = createServer((socket) => {
      count++
      socket.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const sql = postgres(`postgres://nobody@127.0.0.1:${port}/none`, {
      max: 1,
      fetch_types: false,
      backoff: (attempt) => Math.min(0.05 * 2 ** attempt, 1),
    })

    const asked = sql`select 1`.catch(() => {})
    await new Promise((done) => setTimeout(done, 1500))
    await sql.end({ timeout: 0 })
    await asked
    server.close()

    expect(count).toBeGreaterThan(1)
    expect(count).toBeLessThan(12)
  })

  test('takes up a connection again whose first statement it was', async () => {
    const proxy = await createProxy(database.url)
    proxy.slow(150)
    const { sql, ask } = connect(proxy.url)
    const first = ask(0, 'first')
    const given = answerTo(first)
    await new Promise((done) => setTimeout(done, 100))

    ;(first as unknown as { cancel(): void }).cancel()
    await given
    proxy.restore()

    expect(await answerTo(ask(0, 'second'))).toBe('second')
    await sql.end({ timeout: 1 })
    await proxy.close()
  })
})
