import postgres from 'postgres'

/** A program that changes a user again and again, until it is stopped. */
const sql = postgres(process.env.DATABASE_URL ?? '', { max: 1 })
const [row] = await sql`insert into users (email, password) values (${crypto.randomUUID()}, 'x') returning id`
for (let edit = 0; ; edit++) {
  await sql`update users set username = ${`Ada ${edit}`} where id = ${String(row?.id)}`
  await Bun.sleep(50)
}
