import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { account, type Client } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { useMailbox } from './support/mailbox.ts'
import { freePort } from './support/process.ts'
import { startProgram } from './support/program.ts'
import { pause } from './support/time.ts'

const database = useDatabase()
const mailbox = useMailbox()

const random = (below: number) => Math.floor(Math.random() * below)

/** A user who sends one request after the other, whether or not the server runs. */
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
    await pause(random(30))
  }
  return { ...person, used, done }
}

test('a server that is killed and loses database connections leaves no half-done work', async () => {
  const settings = {
    DATABASE_URL: database.url,
    PORT: String(await freePort()),
    SMTP_URL: mailbox.url,
  }
  let server = await startProgram(settings)
  const { client } = server
  let over = false
  const users = Array.from({ length: 6 }, () => live(client(), () => over))

  for (let round = 0; round < 3; round++) {
    await pause(300 + random(600))
    await database.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'servauth' and datname = current_database()`
    await pause(100 + random(400))
    server.kill('SIGKILL')
    await server.exited
    server = await startProgram(settings)
  }
  over = true
  const lives = await Promise.all(users)

  expect(lives.reduce((sum, { done }) => sum + done, 0)).toBeGreaterThan(60)
  for (const { email, passwords, used } of lives) {
    const rows = await database.sql`select id from users where email = ${email}`
    expect(rows.length).toBeLessThanOrEqual(1)
    for (const uses of used.values()) expect(uses).toBe(1)
    if (rows.length === 0) continue
    const logins = await Promise.all(passwords.map((password) => client().login({ email, password })))
    expect(logins.filter(({ data }) => data)).toHaveLength(1)
  }
  // An event and the mails about it are committed together.
  const [torn] = await database.sql`
    select
      (select count(*) from users u where 1 <> (select count(*) from events e where e.user_id = u.id and e.kind = 'register'))::int as registrations,
      (select coalesce(sum(count), 0) from events where kind = 'password_changed')::int - (select coalesce(sum(count), 0) from mail_outbox where kind = 'password-changed')::int as changes,
      (select coalesce(sum(count), 0) from events where kind = 'password_reset')::int - (select coalesce(sum(count), 0) from mail_outbox where kind = 'password-was-reset')::int as resets`
  expect(torn).toEqual({ registrations: 0, changes: 0, resets: 0 })
  await server.stop()
})
