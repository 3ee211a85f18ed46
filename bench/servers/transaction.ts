import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { printRate } from './rate-loop.ts'

/**
 * The rate of the minimal transaction of a refresh, with two prepared statements. One changes a session and reads its
 * user. The other inserts the event.
 */
const [seconds] = process.argv.slice(2)
const sql = postgres(process.env.DATABASE_URL ?? '', { max: 20, fetch_types: false })
const ids = (await sql`select id from sessions order by random() limit 10000`).map(({ id }) => String(id))
let turn = 0

await printRate(Number(seconds), 20, () => {
  const id = ids[turn++ % ids.length] ?? ''
  return sql.begin(async (tx) => {
    const [found] = await tx`
      update sessions set token = ${randomUUID()}, previous_token = token, rotated_at = now(), last_used_at = now()
      from users
      where sessions.id = ${id} and users.id = sessions.user_id and sessions.expires_at > now()
      returning sessions.*, users.email`
    if (!found) throw new Error('A session was not found')
    await tx`insert into events (kind, user_id) values ('refresh', ${found.user_id})`
  })
})
await sql.end()
