import { expect, test } from 'vitest'
import { inBatches } from '../src/cli/import/batches.ts'
import { openColumns } from '../src/cli/import/sources/columns.ts'
import { callCommand } from './support/command.ts'
import { createFile } from './support/folder.ts'
import { startProcess } from './support/process.ts'
import { useServer } from './support/server.ts'

const server = useServer()
const MEBIBYTE = 1024 * 1024

test('what waits for the database is bounded by characters, and every user is in one batch', async () => {
  const line = (n: number, name: string) => JSON.stringify({ email: `u${n}@example.com`, name })
  const lines = Array.from({ length: 3009 }, (_, n) =>
    line(n, n > 0 && n < 10 ? 'x'.repeat(MEBIBYTE) : 'Ada'),
  )
  const path = await createFile('large-users.json', lines.join('\n'))
  const { users } = await openColumns('json', [path], {})
  const sizes = []
  for await (const batch of inBatches(users())) {
    sizes.push(batch.length)
    expect(JSON.stringify(batch.slice(0, -1)).length).toBeLessThan(5 * MEBIBYTE)
  }

  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(3009)
  expect(Math.max(...sizes)).toBe(2000)
})

/** A file of accounts, and what runs in the database before each batch of them is inserted. */
async function prepareBatches(prefix: string, count: number, statement: string) {
  await server.sql.unsafe(`
    create or replace function before_batch() returns trigger language plpgsql as $$ begin ${statement} return null; end $$;
    create or replace trigger before_batch after insert on users referencing new table as added
      for each statement execute function before_batch()`)
  const rows = Array.from({ length: count }, (_, n) => `${prefix}${n}@example.com\n`)
  return {
    file: await createFile('batches.csv', `email\n${rows.join('')}`),
    countImported: async () => (await server.sql`select from users where email like ${`${prefix}%`}`).length,
    release: () => server.sql`drop trigger before_batch on users`,
  }
}

test('a batch that takes the database too long is imported in parts', async () => {
  const cancel = `if (select count(*) > 10 from added) then raise 'too slow' using errcode = '57014'; end if;`
  const { file, countImported, release } = await prepareBatches('slow', 100, cancel)

  const { output } = await callCommand(`import csv ${file}`, { env: server.env })
  await release()

  expect(output).toMatch(/^100 imported\./m)
  expect(await countImported()).toBe(100)
})

test('each batch of an import is planned for the tables as they are, and not as the first batch found them', async () => {
  const isKept = `if current_setting('plan_cache_mode') <> 'force_custom_plan' then raise 'the plan is kept'; end if;`
  const { file, countImported, release } = await prepareBatches('planned', 10, isKept)

  const { output } = await callCommand(`import csv ${file}`, { env: server.env })
  await release()

  expect(output).toMatch(/^10 imported\./m)
  expect(await countImported()).toBe(10)
})

test('an import that is killed in the middle goes on where it ended, and misses no account', async () => {
  const { file, countImported, release } = await prepareBatches('killed', 9000, 'perform pg_sleep(0.5);')
  const killed = startProcess({ args: ['import', 'csv', file], env: server.env })
  await expect.poll(countImported).toBeGreaterThan(0)
  killed.kill('SIGKILL')
  await killed.exited
  const before = await countImported()
  await release()

  const { output } = await callCommand(`import csv ${file}`, { env: server.env })

  expect(before).toBeLessThan(9000)
  expect(output).toMatch(/^\d+ imported\.\n\d+ imported before/m)
  expect(await countImported()).toBe(9000)
})
