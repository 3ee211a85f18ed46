import { hash } from '@node-rs/argon2'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { account } from './support/client.ts'
import { startServerWithMail } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServerWithMail>>
beforeAll(async () => {
  server = await startServerWithMail({ THROTTLE: 'on', REQUIRE_EMAIL_VERIFICATION: 'true' })
  await server.sql`
    create function fail() returns trigger language plpgsql as
    $$ begin raise exception 'the disk is full' using errcode = '53100'; end $$`
})
beforeEach(async () => {
  await server.sql`delete from throttle`
})

/** The database is at fault for one kind of change, for as long as the work takes. */
async function failing<T>(table: string, change: 'delete' | 'update of password', work: () => Promise<T>) {
  const name = `failing_${table}`
  await server.sql.unsafe(
    `create trigger ${name} before ${change} on ${table} for each statement execute function fail()`,
  )
  try {
    return await work()
  } finally {
    await server.sql.unsafe(`drop trigger ${name} on ${table}`)
  }
}

async function verified() {
  const input = account()
  await server.client('REST', 'TOKEN').register(input)
  const { token } = await server.mailbox.mail(input.email, /Verify/)
  await server.client('REST', 'TOKEN').call('verifyEmail', { token })
  return input
}

test('a login that is made is answered as one, also when its hash cannot be brought up to date', async () => {
  const input = await verified()
  const outdated = await hash(input.password, { algorithm: 2, memoryCost: 8192, timeCost: 1, parallelism: 1 })
  await server.sql`update users set password = ${outdated} where email = ${input.email}`
  const client = server.client('REST', 'COOKIE')

  const { status } = await failing('users', 'update of password', () => client.login(input))

  expect(status).toBe(200)
  expect((await client.me()).data?.email).toBe(input.email)
  expect((await server.client('REST', 'TOKEN').login(input)).status).toBe(200)
  const [row] = await server.sql`select password from users where email = ${input.email}`
  expect(row?.password).toContain('$m=19456,t=2,p=1$')
})

test('a login and a reset are answered as done, also when the count of failures cannot be ended', async () => {
  const input = await verified()
  const client = server.client('REST', 'TOKEN')
  await client.call('requestPasswordReset', { email: input.email })
  const { token } = await server.mailbox.mail(input.email, /Reset/)
  const newPassword = 'another long phrase'

  const login = await failing('throttle', 'delete', () => client.login(input))
  const reset = await failing('throttle', 'delete', () =>
    client.call('resetPassword', { token, newPassword }),
  )

  expect([login.status, reset.status]).toEqual([200, 204])
  expect((await client.login({ ...input, password: newPassword })).status).toBe(200)
})

test('a registration that cannot end the session from before has made no account', async () => {
  const client = server.client('REST', 'COOKIE')
  await client.login(await verified())
  const input = account()

  const answer = await failing('sessions', 'delete', () => client.register(input))

  expect(answer.status).toBe(503)
  expect(answer.headers.getSetCookie()).toEqual([])
  expect(await server.sql`select from users where email = ${input.email}`).toHaveLength(0)
  expect((await client.me()).data).not.toBeNull()
  expect((await client.register(input)).status).toBe(201)
  expect((await client.me()).reason).toBe('REVOKED')
})
