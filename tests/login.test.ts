import { hash } from '@node-rs/argon2'
import { beforeAll, describe, expect, test } from 'vitest'
import { account, WAYS } from './support/client.ts'
import { startServer } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServer>>
beforeAll(async () => {
  server = await startServer()
})

describe.each(WAYS)('login by $door with $transport', ({ door, transport }) => {
  async function registered() {
    const input = account()
    await server.client(door, transport).register(input)
    return input
  }

  test('signs in with the address in any case', async () => {
    const { email, password } = await registered()
    const client = server.client(door, transport)

    const { data } = await client.login({ email: email.toUpperCase(), password })
    const me = await client.me()

    expect(data?.user.email).toBe(email)
    expect(data?.refreshToken === null).toBe(transport === 'COOKIE')
    expect(me.data).toEqual(data?.user)
  })

  test('takes the same password in another Unicode form', async () => {
    const { email } = account()
    await server.client(door, transport).register({ email, password: 'caf\u00e9 au lait \ufb01n' })

    const { code } = await server.client(door, transport).login({ email, password: 'cafe\u0301 au lait fin' })

    expect(code).toBeUndefined()
  })

  test('answers a wrong password and an unknown address alike', async () => {
    const { email, password } = await registered()

    const wrong = await server.client(door, transport).login({ email, password: 'not the password' })
    const unknown = await server.client(door, transport).login({ email: account().email, password })

    const { headers: _, ...wrongAnswer } = wrong
    const { headers: __, ...unknownAnswer } = unknown
    expect(wrongAnswer).toEqual(unknownAnswer)
    expect(wrong).toMatchObject({ code: 'INVALID_CREDENTIALS', status: door === 'REST' ? 401 : 200 })
    expect(wrong.headers.getSetCookie()).toEqual([])
  })

  test('ends the session that the caller had before, and none when it fails', async () => {
    const input = await registered()
    const client = server.client(door, transport)
    await client.login(input)
    const before = client.twin()

    await client.login({ ...input, password: 'not the password' })
    const afterFailure = await before.me()
    await client.login(input)
    const afterSuccess = await before.me()

    expect(afterFailure.data).not.toBeNull()
    expect(afterSuccess).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'REVOKED' })
  })

  test('works with a dead session still in the cookie', async () => {
    const input = await registered()
    const client = server.client(door, transport)
    await client.login(input)
    await server.sql`delete from sessions where user_id = (select id from users where email = ${input.email})`

    expect((await client.login(input)).data?.user.email).toBe(input.email)
  })

  test('brings an outdated hash up to date', async () => {
    const { email, password } = await registered()
    const outdated = await hash(password, { algorithm: 2, memoryCost: 8192, timeCost: 1, parallelism: 1 })
    await server.sql`update users set password = ${outdated} where email = ${email}`

    const { code } = await server.client(door, transport).login({ email, password })

    const [row] = await server.sql`select password from users where email = ${email}`
    expect(code).toBeUndefined()
    expect(row?.password).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect((await server.client(door, transport).login({ email, password })).code).toBeUndefined()
  })
})

test.each([
  [
    'password changes',
    'update users set password = (select password from users where email = $2) where email = $1',
  ],
  ['account is deleted', 'delete from users where email = $1 and $2::text is not null'],
])('a login under way while the %s does not get in', async (_, change) => {
  const [input, another] = [account(), { ...account(), password: 'another long phrase' }]
  for (const each of [input, another]) await server.client('REST', 'TOKEN').register(each)
  const client = server.client('REST', 'TOKEN')

  let login: ReturnType<typeof client.login> | undefined
  await server.sql.begin(async (tx) => {
    await tx.unsafe(change, [input.email, another.email])
    login = client.login(input)
    await new Promise((done) => setTimeout(done, 300))
  })

  expect((await login)?.code).toBe('INVALID_CREDENTIALS')
  expect((await client.me()).data).toBeNull()
})

test('a login under way while another brings the hash up to date is let in', async () => {
  const input = account()
  await server.client('REST', 'TOKEN').register(input)
  const fresh = await hash(input.password, { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 })
  const client = server.client('REST', 'TOKEN')

  let login: ReturnType<typeof client.login> | undefined
  await server.sql.begin(async (tx) => {
    await tx`update users set password = ${fresh} where email = ${input.email}`
    login = client.login(input)
    await new Promise((done) => setTimeout(done, 300))
  })

  expect((await login)?.code).toBeUndefined()
  expect((await client.me()).data?.email).toBe(input.email)
})

test('500 logins at once are served or told to come back, and `me` goes on', async () => {
  const input = account()
  const client = server.client('REST', 'COOKIE')
  await client.register(input)

  const logins = Promise.all(Array.from({ length: 500 }, () => server.client('REST', 'TOKEN').login(input)))
  const me = await client.me()
  const answers = await logins

  const refused = answers.filter(({ code }) => code === 'SERVICE_UNAVAILABLE')
  expect(me.data?.email).toBe(input.email)
  expect(
    answers.every(({ status, retryAfter }) => status === 200 || (status === 503 && retryAfter === 1)),
  ).toBe(true)
  expect(refused.every(({ headers }) => headers.get('retry-after') === '1')).toBe(true)
  // On an idle machine everybody whom the gate lets in, 66.
  expect(answers.length - refused.length).toBeGreaterThan(20)
})
