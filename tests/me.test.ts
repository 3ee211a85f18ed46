import { beforeAll, describe, expect, test } from 'vitest'
import { account, DOORS, WAYS } from './support/client.ts'
import { startServer } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServer>>
beforeAll(async () => {
  server = await startServer()
})

const stale = (email: string) => server.sql`
  update sessions set authenticated_at = now() - interval '16 minutes'
  where user_id = (select id from users where email = ${email})`

describe.each(WAYS)('me by $door with $transport', ({ door, transport }) => {
  async function signedIn() {
    const input = account()
    const client = server.client(door, transport)
    await client.register(input)
    return { ...input, client }
  }

  test('shows the public fields and no others', async () => {
    const { client, email } = await signedIn()

    const { data } = await client.me()

    expect(Object.keys(data ?? {}).sort()).toEqual(
      ['createdAt', 'email', 'emailVerified', 'id', 'pendingEmail', 'updatedAt', 'username'].sort(),
    )
    expect(data).toMatchObject({ email, username: null })
  })

  test('is nobody without credentials, and an error with bad ones', async () => {
    const client = server.client(door, transport)

    const nobody = await client.me()
    const badBearer = await client.call('me', undefined, { bearer: 'nonsense' })
    const badCookie = await client.call('me', undefined, { bearer: null, cookie: '__Host-servauth=nonsense' })

    expect(nobody).toMatchObject(
      door === 'REST' ? { status: 401, reason: 'MISSING' } : { status: 200, data: null },
    )
    expect(nobody.code).toBe(door === 'REST' ? 'UNAUTHENTICATED' : undefined)
    expect(badBearer).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
    expect(badCookie).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
  })

  test('updateMe sets the username and clears it with null, touching nothing else', async () => {
    const { client, email } = await signedIn()

    const set = await client.updateMe({ username: '  Grace  ' })
    const untouched = await client.updateMe({})
    const cleared = await client.updateMe({ username: null })

    expect(set.data).toMatchObject({ username: 'Grace', email })
    expect(untouched.data?.username).toBe('Grace')
    expect(cleared.data).toMatchObject({ username: null, email })
    expect(Date.parse(cleared.data?.updatedAt ?? '')).toBeGreaterThan(Date.parse(set.data?.updatedAt ?? ''))
  })

  test('updateMe with a new address ends the other sessions and keeps this one going', async () => {
    const { client, email, password } = await signedIn()
    const other = server.client(door, transport)
    await other.login({ email, password })
    const before = client.twin()
    const newEmail = account().email

    const { data } = await client.updateMe({ email: newEmail })

    expect(data).toMatchObject({ email: newEmail, emailVerified: false })
    expect((await other.me()).reason).toBe('REVOKED')
    expect((await client.refresh()).data?.user.email).toBe(newEmail)
    // A cookie that was stolen before the change is dead, and using it does not end the session.
    if (transport === 'COOKIE') expect((await before.refresh()).reason).toBe('REVOKED')
    expect((await client.me()).data?.email).toBe(newEmail)
    expect((await server.client(door, transport).login({ email, password })).code).toBe('INVALID_CREDENTIALS')
    expect((await server.client(door, transport).login({ email: newEmail, password })).data).not.toBeNull()
  })

  test('updateMe with a new address needs the password in a session that is not fresh', async () => {
    const { client, email, password } = await signedIn()
    await stale(email)
    const newEmail = account().email

    const refused = await client.updateMe({ email: newEmail })
    const wrong = await client.updateMe({ email: newEmail, currentPassword: 'not the password' })
    const sameAddress = await client.updateMe({ email: email.toUpperCase() })
    const right = await client.updateMe({ email: newEmail, currentPassword: password })

    expect(refused.code).toBe('REAUTHENTICATION_REQUIRED')
    expect(wrong.code).toBe('INVALID_CREDENTIALS')
    expect(sameAddress.data?.email).toBe(email)
    expect(right.data?.email).toBe(newEmail)
  })

  test('a password that is given is checked, also where a fresh session would do', async () => {
    const { client } = await signedIn()

    expect((await client.updateMe({ username: 'Eve', currentPassword: 'not the password' })).code).toBe(
      'INVALID_CREDENTIALS',
    )
    expect((await client.deleteMe({ password: 'not the password' })).code).toBe('INVALID_CREDENTIALS')
    expect((await client.me()).data?.username).toBeNull()
  })

  test('updateMe refuses an address that is taken and changes nothing', async () => {
    const { client, email } = await signedIn()
    const taken = await signedIn()

    const { code } = await client.updateMe({ email: taken.email, username: 'Eve' })

    expect(code).toBe('EMAIL_TAKEN')
    expect((await client.me()).data).toMatchObject({ email, username: null })
  })

  test('deleteMe takes the account and every session with it', async () => {
    const { client, email, password } = await signedIn()
    const other = server.client(door, transport)
    await other.login({ email, password })
    const left = client.twin()

    const { data } = await client.deleteMe()

    expect(data).toBe(true)
    for (const each of [left, other]) expect((await each.me()).reason).toBe('REVOKED')
    expect((await server.client(door, transport).login({ email, password })).code).toBe('INVALID_CREDENTIALS')
    expect((await server.client(door, transport).register({ email, password })).data?.user.email).toBe(email)
  })

  test('deleteMe needs the password in a session that is not fresh', async () => {
    const { client, email, password } = await signedIn()
    await stale(email)

    const refused = await client.deleteMe()
    const right = await client.deleteMe({ password })

    expect(refused.code).toBe('REAUTHENTICATION_REQUIRED')
    expect(right.data).toBe(true)
  })

  test('of two deletions at once both end well or as signed out, and one account is gone', async () => {
    const { client } = await signedIn()

    const answers = await Promise.all([client.twin().deleteMe(), client.twin().deleteMe()])

    expect(answers.filter(({ data }) => data === true).length).toBeGreaterThanOrEqual(1)
    for (const { data, reason } of answers) expect(data === true || reason === 'REVOKED').toBe(true)
  })

  test('nobody changes or deletes anything without a credential', async () => {
    const client = server.client(door, transport)

    expect(await client.updateMe({ username: 'Eve' })).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'MISSING',
    })
    expect(await client.deleteMe()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'MISSING' })
  })
})

describe.each(DOORS)('credentials by %s', (door) => {
  test('a request with a cookie and a bearer is judged by the bearer', async () => {
    const ada = server.client(door, 'COOKIE')
    const bob = server.client(door, 'TOKEN')
    await ada.register()
    const { data } = await bob.register()

    const both = { cookie: ada.kept.cookie, bearer: bob.kept.accessToken }

    expect((await ada.call('me', undefined, both)).data?.id).toBe(data?.user.id)
    expect((await ada.call('me', undefined, { ...both, bearer: 'nonsense' })).reason).toBe('INVALID')
  })

  test('a doubled session cookie is no credential', async () => {
    const client = server.client(door, 'COOKIE')
    await client.register()
    const { cookie } = client.kept

    const { data } = await client.call('me', undefined, { cookie: `${cookie}; ${cookie}` })

    expect(data).toBeNull()
  })

  test('a cookie within another cookie’s value is no credential', async () => {
    const client = server.client(door, 'COOKIE')
    await client.register()

    const { data } = await client.call('me', undefined, { cookie: `theme=dark,${client.kept.cookie}` })

    expect(data).toBeNull()
  })

  test('a refresh token is no access token', async () => {
    const client = server.client(door, 'TOKEN')
    await client.register()

    expect(await client.call('me', undefined, { bearer: client.kept.refreshToken })).toMatchObject({
      reason: 'INVALID',
    })
  })

  test('the predecessor of a rotated cookie still reads within the grace', async () => {
    const client = server.client(door, 'COOKIE')
    const { data } = await client.register()
    const slow = client.twin()
    await client.refresh()

    const inGrace = await slow.me()
    await server.sql`update sessions set rotated_at = rotated_at - interval '31 seconds' where id = ${data?.session.id ?? ''}`
    await server.hears()
    const after = await slow.me()

    expect(inGrace.data).not.toBeNull()
    expect(after.reason).toBe('REVOKED')
    expect((await client.me()).data).not.toBeNull()
  })

  test('a cookie that is remembered is no bearer, and an access token no cookie', async () => {
    const client = server.client(door, 'COOKIE')
    await client.register()
    await client.me()
    const secret = client.kept.cookie?.split('=')[1] ?? ''
    await client.call('me', undefined, { cookie: null, bearer: client.kept.accessToken })

    const asBearer = await client.call('me', undefined, { cookie: null, bearer: secret })
    const asCookie = await client.call('me', undefined, {
      cookie: `__Host-servauth=${client.kept.accessToken}`,
    })

    expect([asBearer.reason, asCookie.reason]).toEqual(['INVALID', 'INVALID'])
  })
})

test('a document of `me` that is known answers each user, shape and moment for itself', async () => {
  const users = await Promise.all(
    ['Ada', 'Grace'].map(async (username) => {
      const client = server.client('GraphQL', 'TOKEN')
      await client.register({ ...account(), username })
      return { username, client }
    }),
  )
  const ask = async (client: (typeof users)[number]['client'], query: string, operationName?: string) => {
    const response = await server.fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${client.kept.accessToken}` },
      body: JSON.stringify({ query, ...(operationName && { operationName }) }),
    })
    return response.json()
  }
  const plain = 'query Me { me { username } }'
  const renamed = '{ who: me { name: username __typename } }'
  for (let round = 0; round < 3; round++) {
    for (const { username, client } of users) {
      expect(await ask(client, plain)).toEqual({ data: { me: { username } } })
      expect(await ask(client, plain, 'Me')).toEqual({ data: { me: { username } } })
      expect(await ask(client, renamed)).toEqual({ data: { who: { name: username, __typename: 'User' } } })
      expect(await ask(client, plain, 'Other')).toMatchObject({
        errors: [{ extensions: { code: 'INVALID_INPUT' } }],
      })
    }
  }
  const [ada, grace] = users.map(({ client }) => client)
  await ada?.call('updateMe', { username: 'Countess' })
  expect(ada && (await ask(ada, plain))).toEqual({ data: { me: { username: 'Countess' } } })
  expect(grace && (await ask(grace, plain))).toEqual({ data: { me: { username: 'Grace' } } })
  await ada?.call('logout')
  expect(ada && (await ask(ada, plain))).toMatchObject({
    data: { me: null },
    errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'REVOKED' } }],
  })
})
