import { describe, expect, test } from 'vitest'
import { ageProofs } from './support/authenticator.ts'
import { ADAPTERS, account, bearer, WAYS } from './support/client.ts'
import { useServer } from './support/server.ts'

const server = useServer()

describe.each(WAYS)('me by $adapter with $transport', ({ adapter, transport }) => {
  const registerUser = () => server.registerUser(adapter, transport)

  test('me shows the public fields and no others', async () => {
    const { client, email } = await registerUser()

    const { data } = await client.me()

    expect(Object.keys(data ?? {}).sort()).toEqual(
      [
        'createdAt',
        'email',
        'emailVerified',
        'id',
        'locale',
        'pendingEmail',
        'roles',
        'updatedAt',
        'username',
      ].sort(),
    )
    expect(data).toMatchObject({ email, username: null })
  })

  test('me answers a missing credential as signed out, and an invalid one with an error', async () => {
    const client = server.client(adapter, transport)

    const signedOut = await client.me()
    const badBearer = await client.call('me', undefined, { bearer: 'nonsense' })
    const badCookie = await client.call('me', undefined, { bearer: null, cookie: '__Host-servauth=nonsense' })

    expect(signedOut).toMatchObject(
      adapter === 'REST' ? { status: 401, reason: 'MISSING' } : { status: 200, data: null },
    )
    expect(signedOut.code).toBe(adapter === 'REST' ? 'UNAUTHENTICATED' : undefined)
    expect(badBearer).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
    expect(badCookie).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'INVALID' })
  })

  test.each(['\u200b\u2060', '\u3164', '\u202e', '\u0301\u200d'])(
    'updateMe refuses %j, of which nothing can be seen',
    async (username) => {
      const { client } = await server.registerUser(adapter)

      expect(await client.updateMe({ username })).toMatchObject({
        code: 'INVALID_INPUT',
        fields: [{ path: 'username', message: 'Must have a letter, a digit or a sign.' }],
      })
    },
  )

  test('updateMe sets the username, clears it with null and changes nothing else', async () => {
    const { client, email } = await registerUser()

    const set = await client.updateMe({ username: '  Grace  ' })
    const untouched = await client.updateMe({})
    const cleared = await client.updateMe({ username: null })

    expect(set.data).toMatchObject({ username: 'Grace', email })
    expect(untouched.data?.username).toBe('Grace')
    expect(cleared.data).toMatchObject({ username: null, email })
    expect(Date.parse(cleared.data?.updatedAt ?? '')).toBeGreaterThan(Date.parse(set.data?.updatedAt ?? ''))
  })

  test('updateMe with a new address ends the other sessions and keeps this one', async () => {
    const { client, email, password } = await registerUser()
    const other = server.client(adapter, transport)
    await other.login({ email, password })
    const before = client.twin()
    const newEmail = account().email

    const { data } = await client.updateMe({ email: newEmail, currentPassword: password })

    expect(data).toMatchObject({ email: newEmail, emailVerified: false })
    expect((await other.me()).reason).toBe('REVOKED')
    expect((await client.refresh()).data?.user.email).toBe(newEmail)
    // A cookie from before the change is revoked, and its use does not end the session.
    if (transport === 'COOKIE') expect((await before.refresh()).reason).toBe('REVOKED')
    expect((await client.me()).data?.email).toBe(newEmail)
    expect((await server.client(adapter, transport).login({ email, password })).code).toBe(
      'INVALID_CREDENTIALS',
    )
    expect((await server.client(adapter, transport).login({ email: newEmail, password })).data).not.toBeNull()
  })

  test('updateMe with a new address needs the password 15 minutes after sign-in', async () => {
    const { client, email, password, session } = await registerUser()
    await ageProofs(server, session.id, 16)
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

  test('updateMe and deleteMe check a given password in a fresh session too', async () => {
    const { client } = await registerUser()

    expect((await client.updateMe({ username: 'Eve', currentPassword: 'not the password' })).code).toBe(
      'INVALID_CREDENTIALS',
    )
    expect((await client.deleteMe({ password: 'not the password' })).code).toBe('INVALID_CREDENTIALS')
    expect((await client.me()).data?.username).toBeNull()
  })

  test('updateMe with a taken address is refused and changes nothing', async () => {
    const { client, email, password } = await registerUser()
    const taken = await registerUser()

    const { code } = await client.updateMe({
      email: taken.email,
      username: 'Eve',
      currentPassword: password,
    })

    expect(code).toBe('EMAIL_TAKEN')
    expect((await client.me()).data).toMatchObject({ email, username: null })
  })

  test('deleteMe deletes the account and all its sessions', async () => {
    const { client, email, password } = await registerUser()
    const other = server.client(adapter, transport)
    await other.login({ email, password })
    const left = client.twin()

    const { data, headers } = await client.deleteMe({ password })

    expect(data).toBe(true)
    expect(headers.get('clear-site-data')).toBe(transport === 'COOKIE' ? '"cookies"' : null)
    for (const each of [left, other]) expect((await each.me()).reason).toBe('REVOKED')
    expect((await server.client(adapter, transport).login({ email, password })).code).toBe(
      'INVALID_CREDENTIALS',
    )
    expect((await server.client(adapter, transport).register({ email, password })).data?.user.email).toBe(
      email,
    )
  })

  test('deleteMe needs the password 15 minutes after sign-in', async () => {
    const { client, password, session } = await registerUser()
    await ageProofs(server, session.id, 16)

    const refused = await client.deleteMe()
    const right = await client.deleteMe({ password })

    expect(refused.code).toBe('REAUTHENTICATION_REQUIRED')
    expect(right.data).toBe(true)
  })

  test('two deletions at once are answered as done or REVOKED', async () => {
    const { client, password } = await registerUser()

    const answers = await Promise.all(
      [client.twin(), client.twin()].map((each) => each.deleteMe({ password })),
    )

    expect(answers.filter(({ data }) => data === true).length).toBeGreaterThanOrEqual(1)
    for (const { data, reason } of answers) expect(data === true || reason === 'REVOKED').toBe(true)
  })

  test('updateMe and deleteMe without a credential are refused', async () => {
    const client = server.client(adapter, transport)

    expect(await client.updateMe({ username: 'Eve' })).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'MISSING',
    })
    expect(await client.deleteMe()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'MISSING' })
  })
})

describe.each(ADAPTERS)('credentials by %s', (adapter) => {
  test('the bearer decides if a request has a cookie and a bearer', async () => {
    const { client: ada } = await server.registerUser(adapter, 'COOKIE')
    const { client: bob, user } = await server.registerUser(adapter)

    const both = { cookie: ada.kept.cookie, bearer: bob.kept.accessToken }

    expect((await ada.call('me', undefined, both)).data?.id).toBe(user.id)
    expect((await ada.call('me', undefined, { ...both, bearer: 'nonsense' })).reason).toBe('INVALID')
  })

  test('a request with two session cookies has no credential', async () => {
    const { client } = await server.registerUser(adapter, 'COOKIE')
    const { cookie } = client.kept

    const { data } = await client.call('me', undefined, { cookie: `${cookie}; ${cookie}` })

    expect(data).toBeNull()
  })

  test('a session cookie inside the value of another cookie is no credential', async () => {
    const { client } = await server.registerUser(adapter, 'COOKIE')

    const { data } = await client.call('me', undefined, { cookie: `theme=dark,${client.kept.cookie}` })

    expect(data).toBeNull()
  })

  test('a refresh token is not accepted as an access token', async () => {
    const { client } = await server.registerUser(adapter)

    expect(await client.call('me', undefined, { bearer: client.kept.refreshToken })).toMatchObject({
      reason: 'INVALID',
    })
  })

  test('the predecessor of a rotated cookie is accepted for 30 seconds after the first use of the new one', async () => {
    const { client, session } = await server.registerUser(adapter, 'COOKIE')
    const slow = client.twin()
    await client.refresh()

    const inGrace = await slow.me()
    await client.me()
    await server.sql`
      update sessions set rotated_at = rotated_at - interval '31 seconds',
        token_used_at = token_used_at - interval '31 seconds' where id = ${session.id}`
    await server.catchUp()
    const after = await slow.me()

    expect(inGrace.data).not.toBeNull()
    expect(after.reason).toBe('REVOKED')
    expect((await client.me()).data).not.toBeNull()
  })

  test('a cached cookie is not accepted as a bearer, nor an access token as a cookie', async () => {
    const { client } = await server.registerUser(adapter, 'COOKIE')
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

test('a cached `me` document gives each user their current data in the asked shape', async () => {
  const registerNamed = async (username: string) => {
    const client = server.client('GraphQL', 'TOKEN')
    await client.register({ ...account(), username })
    return { username, client }
  }
  const [ada, grace] = [await registerNamed('Ada'), await registerNamed('Grace')]
  const ask = async ({ client }: typeof ada, query: string, operationName?: string) => {
    const response = await server.askGraphQL(
      { query, ...(operationName && { operationName }) },
      bearer(client.kept.accessToken),
    )
    return response.json()
  }
  const plain = 'query Me { me { username } }'
  const renamed = '{ who: me { name: username __typename } }'
  for (let round = 0; round < 3; round++) {
    for (const user of [ada, grace]) {
      const { username } = user
      expect(await ask(user, plain)).toEqual({ data: { me: { username } } })
      expect(await ask(user, plain, 'Me')).toEqual({ data: { me: { username } } })
      expect(await ask(user, renamed)).toEqual({ data: { who: { name: username, __typename: 'User' } } })
      expect(await ask(user, plain, 'Other')).toMatchObject({
        errors: [{ extensions: { code: 'INVALID_INPUT' } }],
      })
    }
  }
  await ada.client.updateMe({ username: 'Countess' })
  expect(await ask(ada, plain)).toEqual({ data: { me: { username: 'Countess' } } })
  expect(await ask(grace, plain)).toEqual({ data: { me: { username: 'Grace' } } })
  await ada.client.logout()
  expect(await ask(ada, plain)).toMatchObject({
    data: { me: null },
    errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'REVOKED' } }],
  })
})

test('documents with variables and fragments give each user and each variable its own answer', async () => {
  const { client } = await server.registerUser('GraphQL', 'TOKEN')
  const { data: user } = await client.me()
  const extensions = { clientLibrary: { name: '@apollo/client', version: '4.3.8' } }
  const ask = async (body: object, authorization = `Bearer ${client.kept.accessToken}`) =>
    (await server.askGraphQL({ ...body, extensions } as never, { authorization })).json()
  const optional = 'query Me($full: Boolean!) { me { id email @include(if: $full) __typename } }'
  const spread =
    'query Me { __typename ...Root } fragment Root on Query { me { ...Id } } fragment Id on User { id }'
  const skipped = 'query Me($skip: Boolean!) { me @skip(if: $skip) { id } }'
  const { id, email } = user as { id: string; email: string }

  for (let round = 0; round < 3; round++) {
    expect(await ask({ query: optional, variables: { full: true } })).toEqual({
      data: { me: { id, email, __typename: 'User' } },
    })
    expect(await ask({ query: optional, variables: { full: false } })).toEqual({
      data: { me: { id, __typename: 'User' } },
    })
    expect(await ask({ query: optional, variables: {} })).toMatchObject({
      errors: [{ extensions: { code: 'INVALID_INPUT' } }],
    })
    expect(await ask({ query: spread, operationName: 'Me', variables: {} })).toEqual({
      data: { __typename: 'Query', me: { id } },
    })
    expect(await ask({ query: skipped, variables: { skip: true } })).toEqual({ data: {} })
    expect(await ask({ query: skipped, variables: { skip: false } })).toEqual({ data: { me: { id } } })
    // Its caller is not needed, so nothing waits for the refusal.
    expect(await ask({ query: skipped, variables: { skip: true } }, 'Bearer an.invalid.token')).toEqual({
      data: {},
    })
  }
})

test('a cookie’s secret is no bearer token, also while the cookie is being looked up', async () => {
  const client = server.client('REST', 'COOKIE')
  await client.register()
  const secret = client.kept.cookie?.split('=')[1] ?? ''

  const [asCookie, asBearer] = await Promise.all([
    client.me(),
    client.call('me', undefined, { cookie: null, bearer: secret }),
  ])

  expect(asCookie.status).toBe(200)
  expect(asBearer).toMatchObject({ status: 401, reason: 'INVALID' })
})
