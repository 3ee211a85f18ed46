import { hash } from '@node-rs/argon2'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { account } from './support/client.ts'
import { REAL_HASHES, useServerWithMail } from './support/server.ts'

const server = useServerWithMail({ ...REAL_HASHES, THROTTLE: 'on', REQUIRE_EMAIL_VERIFICATION: 'true' })
beforeAll(async () => {
  await server.sql`
    create function fail() returns trigger language plpgsql as
    $$ begin raise exception 'the disk is full' using errcode = '53100'; end $$`
})
beforeEach(async () => {
  await server.sql`delete from throttle`
})

/** Makes the database refuse one kind of change while the work is done. */
async function whileFailing<T>(
  table: string,
  change: 'delete' | 'update of password',
  work: () => Promise<T>,
) {
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

test('a login succeeds even if its outdated hash cannot be replaced', async () => {
  const { input } = await server.registerVerifiedUser()
  const outdated = await hash(input.password, { algorithm: 2, memoryCost: 8192, timeCost: 1, parallelism: 1 })
  await server.sql`update users set password = ${outdated} where email = ${input.email}`
  const client = server.client('REST', 'COOKIE')

  const { status } = await whileFailing('users', 'update of password', () => client.login(input))

  expect(status).toBe(200)
  expect((await client.me()).data?.email).toBe(input.email)
  expect((await server.client().login(input)).status).toBe(200)
  const [row] = await server.sql`select password from users where email = ${input.email}`
  expect(row?.password).toContain('$m=19456,t=2,p=1$')
})

test('a login and a reset succeed even if the count of failures cannot be cleared', async () => {
  const { input } = await server.registerVerifiedUser()
  const client = server.client()
  await client.call('requestPasswordReset', { email: input.email })
  const token = await server.mailbox.token(input.email, /Reset/)
  const newPassword = 'another long phrase'

  const login = await whileFailing('throttle', 'delete', () => client.login(input))
  const reset = await whileFailing('throttle', 'delete', () =>
    client.call('resetPassword', { token, newPassword }),
  )

  expect([login.status, reset.status]).toEqual([200, 204])
  expect((await client.login({ ...input, password: newPassword })).status).toBe(200)
})

test('a registration that cannot end the earlier session makes no account', async () => {
  const { input: former } = await server.registerVerifiedUser()
  const client = server.client('REST', 'COOKIE')
  await client.login(former)
  const input = account()

  const answer = await whileFailing('sessions', 'delete', () => client.register(input))

  expect(answer.status).toBe(503)
  expect(answer.headers.getSetCookie()).toEqual([])
  expect(await server.sql`select from users where email = ${input.email}`).toHaveLength(0)
  expect((await client.me()).data).not.toBeNull()
  expect((await client.register(input)).status).toBe(201)
  expect((await client.me()).reason).toBe('REVOKED')
})
