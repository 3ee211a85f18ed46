import { describe, expect, test } from 'vitest'
import { MAX_PLACES } from '../src/auth/throttle/places.ts'
import { ADAPTERS, account, from } from './support/client.ts'
import { AWAY, FOR_PEOPLE, failUntilRefused, OWNER, STRANGER, TAKER, usePeople } from './support/people.ts'
import { useServerWithMail } from './support/server.ts'

describe.each(ADAPTERS)('the places of an account, by %s:', (adapter) => {
  const server = useServerWithMail(FOR_PEOPLE)
  const { person, verified, takenOver } = usePeople(server, adapter)

  test('a sign-in is mailed if the last one is so long ago that no place is known', async () => {
    const { email, password } = await verified()
    await server.sql`delete from places where user_id = (select id from users where email = ${email})`
    await server.sql`update users set created_at = now() - interval '91 days' where email = ${email}`

    await person(TAKER).login({ email, password })

    await server.mailbox.mail(email, /New sign-in/)
  })

  test('a sign-in from a new place is mailed, and the link in it ends it', async () => {
    const { email, password, owner } = await verified()
    const taker = person(TAKER)
    await taker.login({ email, password })
    const { token } = await server.mailbox.mail(email, /New sign-in/)

    const report = await person(OWNER).call('reportSignIn', {
      token,
      newPassword: 'a phrase of the owner',
    })

    expect(report.data).toBe(true)
    expect((await taker.me()).code).toBe('UNAUTHENTICATED')
    expect((await taker.login({ email, password })).code).toBe('INVALID_CREDENTIALS')
    expect((await owner.login({ email, password: 'a phrase of the owner' })).code).toBeUndefined()
    const kinds = (await owner.events(100)).data?.map(({ kind }) => kind)
    expect(kinds).toEqual(expect.arrayContaining(['login_new_place', 'sign_in_reported']))
  })

  test('a sign-in from a known place is not mailed', async () => {
    const { email, password } = await verified()

    await person(OWNER).login({ email, password })

    const kinds =
      await server.sql`select kind from mail_outbox where recipient = ${email} and kind = 'sign-in'`
    expect(kinds).toHaveLength(0)
  })

  test('a browser becomes known by its sign-in, however many networks the user’s telephone was in', async () => {
    const { email, password } = await verified()
    const telephone = person(OWNER, 'TOKEN')
    await telephone.login({ email, password })
    const secret = { refreshToken: telephone.kept.refreshToken }
    const networks = Array.from({ length: MAX_PLACES }, (_, index) => from(`198.18.0.${index}`))
    await Promise.all(networks.map((network) => telephone.call('refresh', secret, network)))
    const browser = person(TAKER)
    await browser.login({ email, password })

    await browser.login({ email, password })

    const { data: events } = await browser.events(100)
    const ofNewPlaces = events?.filter(({ kind }) => kind.endsWith('_new_place'))
    expect(ofNewPlaces?.map(({ kind }) => kind)).toContain('refresh_new_place')
    expect(ofNewPlaces?.filter(({ kind }) => kind === 'login_new_place')).toMatchObject([{ count: 1 }])
  })

  test('failures of strangers never make a known network wait, and its success does not help them', async () => {
    const { email, password } = await verified()
    const stranger = person(STRANGER)
    await failUntilRefused(stranger, email)

    const owner = await person(OWNER).login({ email, password })
    const after = await person(TAKER).login({ email, password: 'not the password' })

    expect(owner.code).toBeUndefined()
    expect(after.code).toBe('TOO_MANY_REQUESTS')
  })

  test('a known browser does not wait for the failures of a neighbour behind the same address', async () => {
    const { email, password, owner } = await verified()
    const neighbour = person(OWNER)
    await failUntilRefused(neighbour, email)

    const login = await owner.login({ email, password })

    expect(login.code).toBeUndefined()
  })

  test('a known browser does not wait for a neighbour who uses up the attempts of the network', async () => {
    const { email, password, owner } = await verified()
    const neighbour = person(OWNER)
    const answers = []
    for (let attempt = 0; attempt < 21; attempt++) answers.push((await neighbour.login(account())).code)

    const strangersBrowser = await neighbour.login({ email, password })
    const ownBrowser = await owner.login({ email, password })

    expect(answers.at(-1)).toBe('TOO_MANY_REQUESTS')
    expect(strangersBrowser.code).toBe('TOO_MANY_REQUESTS')
    expect(ownBrowser.code).toBeUndefined()
  })

  test.each([
    ['resetPassword', /Reset/],
    ['undoEmailChange', /was changed/],
    ['reportSignIn', /New sign-in/],
  ] as const)(
    'after %s, the browser of the owner does not wait for a neighbour who guesses',
    async (operation, subject) => {
      const [owner, neighbour] = [person(AWAY), person(AWAY)]
      const { email } = operation === 'undoEmailChange' ? await takenOver() : await verified()
      if (operation === 'resetPassword') await owner.call('requestPasswordReset', { email })
      if (operation === 'reportSignIn') {
        await person(TAKER).login({ email, password: account().password })
      }
      const { token } = await server.mailbox.mail(email, subject)

      const done = await owner.call(operation, { token, newPassword: 'a phrase of the owner' })
      await failUntilRefused(neighbour, email)
      const login = await owner.login({ email, password: 'a phrase of the owner' })

      expect(done.data).toBe(true)
      expect(login.code).toBeUndefined()
    },
  )

  test('the places of a taker are forgotten when the owner takes the account back', async () => {
    const { email, taker, owner } = await takenOver()
    const { token } = await server.mailbox.mail(email, /was changed/)
    await owner.call('undoEmailChange', { token, newPassword: 'a phrase of the owner' })
    const before = await server.sql`select from mail_outbox where recipient = ${email} and kind = 'sign-in'`

    await taker.login({ email, password: 'a phrase of the owner' })

    const after = await server.sql`select from mail_outbox where recipient = ${email} and kind = 'sign-in'`
    expect(after.length).toBe(before.length + 1)
  })

  test('the owner signs in from anywhere after a reset, whatever strangers do', async () => {
    const { email } = await verified()
    await failUntilRefused(person(STRANGER), email)
    const away = person(AWAY)
    await away.call('requestPasswordReset', { email })
    const { token } = await server.mailbox.mail(email, /Reset/)

    await away.call('resetPassword', { token, newPassword: 'a phrase of the owner' })

    expect((await away.login({ email, password: 'a phrase of the owner' })).code).toBeUndefined()
  })
})
