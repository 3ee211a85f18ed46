import { describe, expect, test } from 'vitest'
import { account, WAYS } from './support/client.ts'
import { useServer } from './support/server.ts'

const server = useServer()

describe.each(WAYS)('register by $adapter with $transport', ({ adapter, transport }) => {
  test('register makes an account and signs it in', async () => {
    const client = server.client(adapter, transport)
    const { email, password } = account()

    const { data, status } = await client.register({
      email: ` ${email.toUpperCase()} `,
      password,
      username: ' Ada ',
    })
    const me = await client.me()

    expect(status).toBe(adapter === 'REST' ? 201 : 200)
    expect(data?.user).toMatchObject({ email, username: 'Ada', emailVerified: false, pendingEmail: null })
    expect(data?.session).toMatchObject({ current: true, ipAddress: '192.0.2.1' })
    expect(me.data).toEqual(data?.user)
  })

  test('register gives the secret only by the transport that the client chose', async () => {
    const client = server.client(adapter, transport)

    const { data, headers } = await client.register()

    expect(Boolean(data?.refreshToken)).toBe(transport === 'TOKEN')
    // The cookie of the session, and the mark of the browser.
    expect(headers.getSetCookie()).toHaveLength(transport === 'COOKIE' ? 2 : 0)
    if (transport === 'COOKIE') {
      expect(headers.getSetCookie()[0]).toMatch(
        /^__Host-servauth=[\w-]{80,}; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      )
    }
  })

  test('register refuses a taken address in any case, and accepts one of two at once', async () => {
    const input = account()

    const answers = await Promise.all(
      [input, { ...input, email: input.email.toUpperCase() }].map((each) =>
        server.client(adapter, transport).register(each),
      ),
    )
    const again = await server.client(adapter, transport).register(input)

    expect(answers.map(({ code }) => code).sort()).toEqual(['EMAIL_TAKEN', undefined].sort())
    expect(again.code).toBe('EMAIL_TAKEN')
    const rows = await server.sql`select from users where email = ${input.email}`
    expect(rows).toHaveLength(1)
  })

  test("register ends the caller's earlier session", async () => {
    const { client } = await server.registerUser(adapter, transport)
    const before = client.twin()

    await client.register()

    expect(await before.me()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'REVOKED' })
    expect((await client.me()).data).not.toBeNull()
  })

  test.each([
    ['text that is no e-mail address', { email: 'nobody' }, 'email'],
    ['an address that is too long', { email: `${'a'.repeat(250)}@example.com` }, 'email'],
    ['65 characters before the @', { email: `${'a'.repeat(65)}@example.com` }, 'email'],
    ['64 characters between two dots', { email: `a@${'a'.repeat(64)}.example.com` }, 'email'],
    ['a hyphen before a dot', { email: 'a@example-.com' }, 'email'],
    ['a header smuggled into the address', { email: 'a@example.com\r\nBcc: b@example.com' }, 'email'],
    ['a short password', { password: 'short' }, 'password'],
    ['a long password', { password: 'x'.repeat(129) }, 'password'],
    [
      'the address as the password',
      { email: 'long.name@example.com', password: 'LONG.NAME@example.com' },
      'password',
    ],
    ['the local part as the password', { email: 'long.name@example.com', password: 'long.name' }, 'password'],
    ['a common password', { password: 'Password123' }, 'password'],
    ['NUL in the password', { password: 'long enough\u0000' }, 'password'],
    ['a lone surrogate in the username', { username: '\ud800' }, 'username'],
    ['a username of spaces', { username: '   ' }, 'username'],
    ['a username that is too long', { username: 'x'.repeat(101) }, 'username'],
    ['a number for a password', { password: 12345678 }, 'password'],
    ['an unknown transport', { transport: 'PIGEON' }, 'transport'],
    ['an unknown field', { isAdmin: true }, 'isAdmin'],
  ])('register refuses %s and names the field', async (_, fault, path) => {
    const { code, fields } = await server
      .client(adapter, transport)
      .call('register', { ...account(), ...fault })

    expect(code).toBe('INVALID_INPUT')
    expect(fields?.map((field) => field.path)).toContain(path)
  })

  test('register names a missing field', async () => {
    const { code, fields } = await server
      .client(adapter, transport)
      .call('register', { email: 'a@example.com' })

    expect({ code, fields }).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'password' }] })
  })
})

test('an address that its owner can put back is reserved until the undo token expires', async () => {
  const { email } = account()
  const { user } = await server.registerUser()
  await server.sql`
    insert into verification (identifier, value, user_id, purpose, expires_at)
    values ('undo', ${email}, ${user.id}, 'EMAIL_CHANGE_UNDO', now() + interval '1 hour')`

  const before = await server.client().register({ ...account(), email })
  await server.sql`update verification set expires_at = now() where value = ${email}`
  const after = await server.client().register({ ...account(), email })

  expect(before.code).toBe('EMAIL_TAKEN')
  expect(after.status).toBe(201)
})

test('an address that a change frees while a registration waits for it is reserved as well', async () => {
  const { email } = account()
  const { user } = await server.registerUser()
  await server.sql`update users set email = ${email} where id = ${user.id}`
  const change = await server.sql.reserve()
  await change`begin`
  await change`update users set email = ${account().email} where id = ${user.id}`

  const registered = server.client().register({ ...account(), email })
  await expect
    .poll(
      () =>
        server.sql`select from pg_stat_activity where wait_event_type = 'Lock' and query like '%refuse_reserved%'`,
    )
    .toHaveLength(1)
  await change`
    insert into verification (identifier, value, user_id, purpose, expires_at)
    values ('undo a change', ${email}, ${user.id}, 'EMAIL_CHANGE_UNDO', now() + interval '1 hour')`
  await change`commit`
  change.release()

  expect((await registered).code).toBe('EMAIL_TAKEN')
  expect(await server.sql`select from users where email = ${email}`).toHaveLength(0)
})
