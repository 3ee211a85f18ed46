import { describe, expect, test } from 'vitest'
import { forgetUsedCodes, registerWithTotp } from './support/authenticator.ts'
import { account, type Client } from './support/client.ts'
import { clearAway } from './support/housekeeping.ts'
import { untilWaiting } from './support/locks.ts'
import { drainOutbox } from './support/outbox.ts'
import { type ServerWithMail, useServerWithMail } from './support/server.ts'

const NEW = 'another long phrase'

const open = useServerWithMail()
const verifying = useServerWithMail({ REQUIRE_EMAIL_VERIFICATION: 'true' })

/** A browser that is signed in to an account whose session has asked for a change of address. */
async function openPendingChange(server: ServerWithMail) {
  const person = account()
  const client = server.client('REST', 'COOKIE')
  await client.register(person)
  const token = await server.mailbox.token(person.email, /Verify/)
  await client.call('verifyEmail', { token, password: person.password })
  if (!client.kept.cookie) await client.login(person)
  const change = await client.updateMe({ email: account().email, currentPassword: person.password })
  expect(change.data?.pendingEmail).toBeTruthy()
  // The worker locks the user for each of both mails too.
  await drainOutbox(server)
  return { input: person, client, id: change.data?.id ?? '' }
}

/** Each opens another session with the cookie of the first. */
const REPLACING = {
  'a login': async (client: Client) => {
    const other = await open.registerUser()
    return () => client.login(other.input)
  },
  'a completed login': async (client: Client) => {
    const other = await registerWithTotp(open)
    await forgetUsedCodes(open)
    const { challenge } = await client.login(other.input)
    return () => client.completeLogin(challenge?.id, { totp: other.authenticator.code() })
  },
  'a registration': async (client: Client) => () => client.register(account()),
}

describe.each(Object.entries(REPLACING))(
  '%s in a browser that is signed in to another account',
  (_, prepare) => {
    test('waits for a change that ends the sessions of that account, and does not deadlock with it', async () => {
      const { client, id } = await openPendingChange(open)
      const replace = await prepare(client)

      let replaced: ReturnType<typeof replace> | undefined
      await open.sql.begin(async (tx) => {
        await tx`select from users where id = ${id} for update`
        replaced = replace()
        await untilWaiting(open.sql, 1)
        await tx`delete from sessions where user_id = ${id}`
      })

      expect((await replaced)?.code).toBeUndefined()
      expect((await client.me()).code).toBeUndefined()
      expect(await open.sql`select from sessions where user_id = ${id}`).toHaveLength(0)
    })
  },
)

test('a change of the password takes its strongest lock first, because a lock that grows could deadlock', async () => {
  const { client, input, user } = await open.registerUser()
  await drainOutbox(open)

  let change: Promise<{ code?: string }> | undefined
  await open.sql.begin(async (tx) => {
    await tx`select from users where id = ${user.id} for key share`
    change = client.changePassword({ currentPassword: input.password, newPassword: NEW })
    await untilWaiting(open.sql, 1)

    const unchanged = await tx`select from users where id = ${user.id} for no key update skip locked`
    expect(unchanged).toHaveLength(1)
  })

  expect((await change)?.code).toBeUndefined()
})

test('housekeeping waits for a change that ends the expired sessions of an account, and does not deadlock with it', async () => {
  const { id } = await openPendingChange(open)
  await open.sql`update sessions set expires_at = now() - interval '2 days' where user_id = ${id}`

  let swept: Promise<void> | undefined
  await open.sql.begin(async (tx) => {
    await tx`select from users where id = ${id} for update`
    swept = clearAway(open.env.DATABASE_URL)
    await untilWaiting(open.sql, 1)
    await tx`delete from sessions where user_id = ${id}`
  })

  await expect(swept).resolves.toBeUndefined()
})

test('two browsers that register the address of each other at once both get their answer', async () => {
  const [one, two] = [await openPendingChange(verifying), await openPendingChange(verifying)]

  const registrations: ReturnType<Client['register']>[] = []
  await verifying.sql.begin(async (tx) => {
    await tx`select from users where id in (${one.id}, ${two.id}) for update`
    const [toTwo, toOne] = [two, one].map(({ input }) => ({ ...input, password: NEW }))
    registrations.push(one.client.register(toTwo), two.client.register(toOne))
    await untilWaiting(verifying.sql, 2)
  })

  expect((await Promise.all(registrations)).map(({ code }) => code)).toEqual([undefined, undefined])
})
