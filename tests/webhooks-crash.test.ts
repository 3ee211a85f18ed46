import { expect, test } from 'vitest'
import { createSymmetricSecret } from '../src/webhooks/signature.ts'
import { account, type Client, createClients } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { startProgram } from './support/program.ts'
import { startReceiver } from './support/receiver.ts'
import { pause } from './support/time.ts'

const database = useDatabase()

/** `WEBHOOK_KILLS=200` kills the server more often. */
const KILLS = Number(process.env.WEBHOOK_KILLS ?? 4)
const random = (below: number) => Math.floor(Math.random() * below)

/** A user who changes the account again and again, whether or not the server runs. */
async function live(client: Client, until: () => boolean) {
  let person = account()
  async function begin() {
    person = account()
    await client.register(person)
  }
  const acts = [
    async () => {
      // The answer to a change of the password, or to a deletion, can be lost.
      const { code } = await client.login(person)
      if (code === 'INVALID_CREDENTIALS') await begin()
    },
    () => client.updateMe({ username: `Ada ${random(1000)}` }),
    () => client.logout(),
    async () => {
      const newPassword = `a long phrase ${random(1000)}`
      const { data } = await client.changePassword({ currentPassword: person.password, newPassword })
      if (data) person = { ...person, password: newPassword }
    },
    () => client.deleteMe({ password: person.password }).then(begin),
  ]
  await begin().catch(() => null)
  while (!until()) {
    await acts[random(acts.length)]?.().catch(() => null)
    await pause(random(40))
  }
}

test(
  'a server that is killed at random moments delivers exactly what was committed, in order for each user',
  async () => {
    const receiver = await startReceiver()
    receiver.answerWith((_, response) => {
      if (random(10) > 0) return 204
      response.destroy()
      return 'nothing'
    })
    const settings = {
      DATABASE_URL: database.url,
      NODE_ENV: 'development',
      WEBHOOKS: receiver.url,
      WEBHOOK_SECRETS: createSymmetricSecret(),
    }
    const countEvents = async () => (await database.sql`select from webhook_events`).length
    let server = await startProgram(settings)
    // Each start has another port: a port that a killed server has left can be taken at once.
    const { client } = createClients((path, init) => fetch(server.url + path, init))
    let over = false
    const users = Array.from({ length: 5 }, () => live(client(), () => over))

    for (let round = 0; round < KILLS; round++) {
      const before = await countEvents()
      await expect.poll(countEvents).toBeGreaterThan(before + random(5))
      await pause(random(50))
      server.kill('SIGKILL')
      await server.exited
      server = await startProgram(settings)
    }
    over = true
    await Promise.all(users)
    // A delivery that a dead process had leased waits for the end of its lease.
    await database.sql`update webhook_deliveries set next_attempt_at = now() where status = 'PENDING'`
    const countPending = async () => {
      await database.sql`update webhook_deliveries set next_attempt_at = now() where last_result not like '2%' and status = 'PENDING'`
      return (await database.sql`select from webhook_deliveries where status = 'PENDING'`).length
    }
    await expect.poll(countPending, { interval: 100 }).toBe(0)
    await server.stop()

    const committed =
      await database.sql`select message_id as id, user_id as "userId" from webhook_events order by webhook_events.id`
    const inOrder = (rows: { id: string; userId: string | null }[]) =>
      [...Map.groupBy(rows, ({ userId }) => userId)].sort(([one], [other]) =>
        String(one) < String(other) ? -1 : 1,
      )
    expect(committed.length).toBeGreaterThan(5)
    expect(inOrder(receiver.accepted().map(({ id, data }) => ({ id, userId: data.userId })))).toEqual(
      inOrder(committed.map(({ id, userId }) => ({ id: `msg_${id}`, userId }))),
    )
  },
  600_000 + KILLS * 30_000,
)
