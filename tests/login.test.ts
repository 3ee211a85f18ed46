import { hash } from '@node-rs/argon2'
import { describe, expect, test } from 'vitest'
import { account, WAYS } from './support/client.ts'
import { REAL_HASHES, useServer } from './support/server.ts'
import { pause } from './support/time.ts'

const server = useServer(REAL_HASHES)

describe.each(WAYS)('login by $adapter with $transport', ({ adapter, transport }) => {
  test('login takes the address in upper or lower case', async () => {
    const { email, password } = await server.registerUser(adapter, transport)
    const client = server.client(adapter, transport)

    const { data } = await client.login({ email: email.toUpperCase(), password })
    const me = await client.me()

    expect(data?.user.email).toBe(email)
    expect(data?.refreshToken === null).toBe(transport === 'COOKIE')
    expect(me.data).toEqual(data?.user)
  })

  test('login takes the password in any Unicode form of the same characters', async () => {
    const { email } = account()
    await server.client(adapter, transport).register({ email, password: 'caf\u00e9 au lait \ufb01n' })

    const { code } = await server
      .client(adapter, transport)
      .login({ email, password: 'cafe\u0301 au lait fin' })

    expect(code).toBeUndefined()
  })

  test('login answers a wrong password and an unknown address alike', async () => {
    const { email, password } = await server.registerUser(adapter, transport)

    const wrong = await server.client(adapter, transport).login({ email, password: 'not the password' })
    const unknown = await server.client(adapter, transport).login({ email: account().email, password })

    const { headers: _, ...wrongAnswer } = wrong
    const { headers: __, ...unknownAnswer } = unknown
    expect(wrongAnswer).toEqual(unknownAnswer)
    expect(wrong).toMatchObject({ code: 'INVALID_CREDENTIALS', status: adapter === 'REST' ? 401 : 200 })
    expect(wrong.headers.getSetCookie()).toEqual([])
  })

  test("login ends the caller's earlier session; a failed login does not", async () => {
    const { input } = await server.registerUser(adapter, transport)
    const client = server.client(adapter, transport)
    await client.login(input)
    const before = client.twin()

    await client.login({ ...input, password: 'not the password' })
    const afterFailure = await before.me()
    await client.login(input)
    const afterSuccess = await before.me()

    expect(afterFailure.data).not.toBeNull()
    expect(afterSuccess).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'REVOKED' })
  })

  test('login works with a cookie whose session has ended', async () => {
    const { input } = await server.registerUser(adapter, transport)
    const client = server.client(adapter, transport)
    await client.login(input)
    await server.sql`delete from sessions where user_id = (select id from users where email = ${input.email})`

    expect((await client.login(input)).data?.user.email).toBe(input.email)
  })

  test('login replaces a hash with outdated parameters', async () => {
    const { email, password } = await server.registerUser(adapter, transport)
    const outdated = await hash(password, { algorithm: 2, memoryCost: 8192, timeCost: 1, parallelism: 1 })
    await server.sql`update users set password = ${outdated} where email = ${email}`

    const { code } = await server.client(adapter, transport).login({ email, password })

    const [row] = await server.sql`select password from users where email = ${email}`
    expect(code).toBeUndefined()
    expect(row?.password).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect((await server.client(adapter, transport).login({ email, password })).code).toBeUndefined()
  })
})

test.each([
  [
    'password changes',
    'update users set password = (select password from users where email = $2) where email = $1',
  ],
  ['account is deleted', 'delete from users where email = $1 and $2::text is not null'],
])('a login that was started before the %s is refused', async (_, change) => {
  const { input } = await server.registerUser()
  const another = { ...account(), password: 'another long phrase' }
  await server.client().register(another)
  const client = server.client()

  let login: ReturnType<typeof client.login> | undefined
  await server.sql.begin(async (tx) => {
    await tx.unsafe(change, [input.email, another.email])
    login = client.login(input)
    await pause(300)
  })

  expect((await login)?.code).toBe('INVALID_CREDENTIALS')
  expect((await client.me()).data).toBeNull()
})

test('a login succeeds while another login replaces the hash', async () => {
  const { input } = await server.registerUser()
  const fresh = await hash(input.password, { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 })
  const client = server.client()

  let login: ReturnType<typeof client.login> | undefined
  await server.sql.begin(async (tx) => {
    await tx`update users set password = ${fresh} where email = ${input.email}`
    login = client.login(input)
    await pause(300)
  })

  expect((await login)?.code).toBeUndefined()
  expect((await client.me()).data?.email).toBe(input.email)
})

test('500 logins at once are answered or refused with 503, and `me` still works', async () => {
  const { client, input } = await server.registerUser('REST', 'COOKIE')

  const logins = Promise.all(Array.from({ length: 500 }, () => server.client().login(input)))
  const me = await client.me()
  const answers = await logins

  const refused = answers.filter(({ code }) => code === 'SERVICE_UNAVAILABLE')
  expect(me.data?.email).toBe(input.email)
  expect(
    answers.every(({ status, retryAfter }) => status === 200 || (status === 503 && retryAfter === 1)),
  ).toBe(true)
  expect(refused.every(({ headers }) => headers.get('retry-after') === '1')).toBe(true)
  // On an idle machine 66, as many as the hashing gate admits; on a busy one few of those that wait have their turn in time.
  expect(answers.length - refused.length).toBeGreaterThan(2)
})
