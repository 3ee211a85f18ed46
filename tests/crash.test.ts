import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { account, type Client, createClient } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { createMailbox } from './support/mailbox.ts'
import { freePort, startProcess, untilReady } from './support/process.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let mailbox: Awaited<ReturnType<typeof createMailbox>>
beforeAll(async () => {
  database = await createDatabase()
  mailbox = await createMailbox()
})
afterAll(async () => {
  await mailbox.close()
  await database.drop()
})

const random = (below: number) => Math.floor(Math.random() * below)

/** Somebody who does one thing after the other, whether or not there is anybody to answer. */
async function live(client: Client, until: () => boolean) {
  const person = { ...account(), passwords: ['correct horse battery'] }
  const used = new Map<string, number>()
  const acts = [
    () => client.register(person),
    () => client.login({ email: person.email, password: person.passwords.at(-1) }),
    () => client.refresh(),
    () => {
      const newPassword = `phrase ${randomBytes(6).toString('hex')}`
      person.passwords.push(newPassword)
      return client.changePassword({ currentPassword: person.passwords.at(-2), newPassword })
    },
    () => client.call('requestPasswordReset', { email: person.email }),
    async () => {
      const { token = '' } =
        mailbox.received.findLast(({ to, subject }) => to === person.email && /Reset/.test(subject)) ?? {}
      const newPassword = `phrase ${randomBytes(6).toString('hex')}`
      person.passwords.push(newPassword)
      const answer = await client.call('resetPassword', { token, newPassword })
      if (answer.data) used.set(token, (used.get(token) ?? 0) + 1)
      return answer
    },
  ]
  let done = 0
  while (!until()) {
    const act = acts[done++ === 0 ? 0 : random(acts.length)]
    await act?.().catch(() => null)
    await new Promise((resolve) => setTimeout(resolve, random(30)))
  }
  return { ...person, used, done }
}

test('a server that is killed again and again, and loses its database connections, leaves no half-done work', async () => {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const AUTH_SECRET = randomBytes(32).toString('base64')
  const env = {
    DATABASE_URL: database.url,
    PORT: String(port),
    AUTH_SECRET,
    PUBLIC_URL: url,
    THROTTLE: 'off',
    SMTP_URL: mailbox.url,
  }
  const start = () => startProcess({ cwd: tmpdir(), env })
  let server = start()
  await untilReady(url)
  let over = false
  const people = Array.from({ length: 6 }, () =>
    live(
      createClient((path, init) => fetch(`${url}${path}`, init), 'REST', 'TOKEN'),
      () => over,
    ),
  )

  for (let round = 0; round < 6; round++) {
    await new Promise((resolve) => setTimeout(resolve, 300 + random(600)))
    await database.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'servauth' and datname = current_database()`
    await new Promise((resolve) => setTimeout(resolve, 100 + random(400)))
    server.kill('SIGKILL')
    await server.exited
    server = start()
    await untilReady(url)
  }
  over = true
  const lives = await Promise.all(people)

  expect(lives.reduce((sum, { done }) => sum + done, 0)).toBeGreaterThan(200)
  for (const { email, passwords, used } of lives) {
    const users = await database.sql`select id from users where email = ${email}`
    expect(users.length).toBeLessThanOrEqual(1)
    for (const uses of used.values()) expect(uses).toBe(1)
    if (users.length === 0) continue
    const logins = await Promise.all(
      passwords.map((password) =>
        createClient((path, init) => fetch(`${url}${path}`, init), 'REST', 'TOKEN').login({
          email,
          password,
        }),
      ),
    )
    expect(logins.filter(({ data }) => data)).toHaveLength(1)
  }
  // What happened and what was promised about it stand and fall together.
  const [torn] = await database.sql`
    select
      (select count(*) from users u where 1 <> (select count(*) from events e where e.user_id = u.id and e.kind = 'register'))::int as registrations,
      (select count(*) from events where kind = 'password_changed')::int - (select count(*) from mail_outbox where kind = 'password-changed')::int as changes,
      (select count(*) from events where kind = 'password_reset')::int - (select count(*) from mail_outbox where kind = 'password-was-reset')::int as resets`
  expect(torn).toEqual({ registrations: 0, changes: 0, resets: 0 })
  await server.stop()
}, 60_000)
