import postgres from 'postgres'

/** A program that changes a user two seconds after its start. */
const sql = postgres(process.env.DATABASE_URL ?? '', { max: 1 })
const [row] = await sql`insert into users (email, password) values (${crypto.randomUUID()}, 'x') returning id`
await new Promise((done) => setTimeout(done, 2000))
await sql`update users set username = 'Ada' where id = ${String(row?.id)}`
await sql.end()
