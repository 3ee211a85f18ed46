import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import {
  ageProofs,
  createAuthenticator,
  enrollTotp,
  forgetUsedCodes,
  registerWithTotp,
} from './support/authenticator.ts'
import { WAYS } from './support/client.ts'
import { passTime } from './support/outbox.ts'
import { useServerWithMail } from './support/server.ts'
import { createSoftwarePasskey } from './support/software-passkey.ts'

const server = useServerWithMail()

test('an account without a second factor is told to add one before it gets recovery codes', async () => {
  const { client } = await server.registerUser('REST', 'COOKIE')

  expect(await client.renewRecoveryCodes()).toMatchObject({
    code: 'NOT_FOUND',
    detail: 'This needs a second factor, and the account has none. Add one first.',
  })
})

describe.each(WAYS)('factors by $adapter with $transport', ({ adapter, transport }) => {
  const register = () => registerWithTotp(server, adapter, transport)

  test('a session that signed in long ago adds its first factor after the password only', async () => {
    const { client, password, session } = await server.registerUser(adapter, transport)
    await ageProofs(server, session.id, 6)

    const refused = await client.beginTotp()
    const stepped = await client.stepUp({ password })
    const begun = await client.beginTotp()

    expect(refused).toMatchObject({
      code: 'REAUTHENTICATION_REQUIRED',
      acr: 'aal1',
      maxAge: 300,
      methods: ['password'],
    })
    expect(stepped.data?.session.acr).toBe('aal1')
    expect(begun.data?.uri).toMatch(/^otpauth:\/\/totp\/auth\.example\.com:person/)
  })

  test('a passkey gets another name only as long after a factor as it could be removed', async () => {
    const { client, password, session } = await server.registerUser(adapter, transport)
    const passkey = createSoftwarePasskey()
    await passkey.addTo(client)
    const [{ id = '' } = {}] = (await client.call('passkeys')).data ?? []
    await ageProofs(server, session.id, 6)

    const refused = await client.call('renamePasskey', { id, name: 'The phone of the owner' })
    await client.stepUp({ password })
    const withPassword = await client.call('renamePasskey', { id, name: 'The phone of the owner' })
    const { data: begun } = await client.call('beginPasskeyLogin')
    const response = passkey.get(begun?.options ?? {})
    await client.stepUp({ proof: { passkey: { ceremony: begun?.id, response } } })
    const renamed = await client.call('renamePasskey', { id, name: 'Phone' })

    for (const answer of [refused, withPassword]) {
      expect(answer).toMatchObject({ code: 'REAUTHENTICATION_REQUIRED', acr: 'aal2', methods: ['passkey'] })
    }
    expect(renamed.data?.name).toBe('Phone')
  })

  test('an enrolment that was begun is not confirmed after the proof is too old', async () => {
    const { client, session } = await server.registerUser(adapter, transport)
    const { data } = await client.beginTotp()
    await ageProofs(server, session.id, 6)

    const confirmed = await client.confirmTotp(data?.id ?? '', createAuthenticator(data?.secret ?? '').code())

    expect(confirmed.code).toBe('REAUTHENTICATION_REQUIRED')
    expect((await client.factors()).data).toEqual([])
  })

  test('with a factor, each change of factors takes a factor and not the password', async () => {
    const { client, password, session, authenticator } = await register()
    await ageProofs(server, session.id, 6)
    await forgetUsedCodes(server)
    const [factor] = (await client.factors()).data ?? []

    await client.stepUp({ password })
    const refused = [
      await client.beginTotp(),
      await client.renewRecoveryCodes(),
      await client.removeFactor(factor?.id ?? ''),
    ]
    const stepped = await client.stepUp({ proof: { totp: authenticator.code() } })
    const renewed = await client.renewRecoveryCodes()

    for (const answer of refused) {
      expect(answer).toMatchObject({
        code: 'REAUTHENTICATION_REQUIRED',
        acr: 'aal2',
        methods: ['totp', 'recoveryCode'],
      })
    }
    expect(stepped.data?.session.acr).toBe('aal2')
    expect(renewed.data?.codes).toHaveLength(10)
  })

  test('an address that was never proven changes after a factor only, since its next mailbox could void the factors', async () => {
    const { client, email, password, session, authenticator } = await register()
    await ageProofs(server, session.id, 6)
    await forgetUsedCodes(server)
    const change = { email: `new-${email}`, currentPassword: password }

    const refused = await client.updateMe(change)
    const profile = await client.updateMe({ username: 'Ada' })
    await client.stepUp({ proof: { totp: authenticator.code() } })
    const changed = await client.updateMe(change)

    expect(refused).toMatchObject({ code: 'REAUTHENTICATION_REQUIRED', acr: 'aal2', maxAge: 300 })
    expect(profile.data).toMatchObject({ email, username: 'Ada' })
    expect(changed.data?.email).toBe(change.email)
  })

  test('a password alone leaves the time of a session with a factor, which services judge by, as it is', async () => {
    const { client, session, password, authenticator } = await register()
    await ageProofs(server, session.id, 60)
    await forgetUsedCodes(server)

    const byPassword = await client.stepUp({ password })
    const byFactor = await client.stepUp({ proof: { totp: authenticator.code() } })

    const minutesAgo = [byPassword, byFactor].map(({ data }) =>
      Math.round((Date.now() - Date.parse(String(data?.session.authenticatedAt))) / 60_000),
    )
    expect(minutesAgo).toEqual([60, 0])
    expect(byPassword.data?.session.acr).toBe('aal2')
  })

  test('the password for a change leaves that time as it is too', async () => {
    const { client, session, password } = await register()
    await ageProofs(server, session.id, 60)
    const change = { currentPassword: password, newPassword: 'another long phrase' }

    await client.updateMe({ username: 'Ada', currentPassword: password })
    const [own] = (await client.sessions()).data ?? []
    const changed = await client.changePassword(change)

    const minutesAgo = [own, changed.data?.session].map((shown) =>
      Math.round((Date.now() - Date.parse(String(shown?.authenticatedAt))) / 60_000),
    )
    expect(minutesAgo).toEqual([60, 60])
    expect(changed.data?.session.acr).toBe('aal2')
  })

  test('once the last factor is removed, a password alone shows no more than a password', async () => {
    const { client, session, password } = await register()
    const [factor] = (await client.factors()).data ?? []
    await client.removeFactor(factor?.id ?? '')
    await ageProofs(server, session.id, 60)

    const { data } = await client.stepUp({ password })

    const shown = decodeJwt(data?.accessToken ?? '')
    expect(shown).toMatchObject({ acr: 'aal1', amr: ['pwd'] })
    expect(Number(shown.iat) - Number(shown.auth_time)).toBeLessThan(60)
    expect(data?.session).toMatchObject({ acr: 'aal1', amr: ['pwd'] })
    expect((await client.beginTotp()).code).toBeUndefined()
  })

  test('removing the last factor ends other sessions, and the password alone signs in again', async () => {
    const { client, input, authenticator } = await register()
    const other = server.client(adapter, transport)
    await other.completeLogin((await other.login(input)).challenge?.id, { totp: authenticator.code() })
    const [factor] = (await client.factors()).data ?? []

    const removed = await client.removeFactor(factor?.id ?? '')
    const again = await client.removeFactor(factor?.id ?? '')
    const login = await server.client(adapter, transport).login(input)

    expect(factor).toMatchObject({ kind: 'TOTP', name: null, lastUsedAt: expect.any(String) })
    expect(removed.data).toBe(true)
    expect(again.code).toBe('NOT_FOUND')
    expect((await other.me()).code).toBe('UNAUTHENTICATED')
    expect((await client.me()).data?.email).toBe(input.email)
    expect(login.data?.session.acr).toBe('aal1')
  })

  test('an access token from before a step-up shows no proof', async () => {
    const { client, password, session } = await server.registerUser(adapter, transport)
    await ageProofs(server, session.id, 6)
    await client.refresh()
    const stale = client.twin()
    await client.stepUp({ password })

    const bearer = stale.kept.accessToken
    const refused = await stale.call('beginTotp', undefined, { bearer, cookie: null })

    expect(refused.code).toBe('REAUTHENTICATION_REQUIRED')
  })

  test('the link of the notice undoes a removal: the factor is back, and newer ones are void', async () => {
    const { client, input, user } = await server.registerVerifiedUser(adapter, transport)
    const { authenticator } = await enrollTotp(client)
    const taken = await enrollTotp(client)
    const [own] = (await client.factors()).data ?? []
    await client.removeFactor(own?.id ?? '')
    const token = await server.mailbox.token(input.email, /removed/)

    const undone = await server.client(adapter, transport).call('undoFactorChange', { token })
    const again = await server.client(adapter, transport).call('undoFactorChange', { token })
    const lockedLogin = await server.client(adapter, transport).login(input)
    const reset = await server.mailbox.token(input.email, /Reset/)
    const newPassword = 'another long phrase'
    await server.client(adapter, transport).call('resetPassword', { token: reset, newPassword })
    await forgetUsedCodes(server)
    const signIn = async (totp: string) => {
      const stranger = server.client(adapter, transport)
      const { challenge } = await stranger.login({ email: input.email, password: newPassword })
      return stranger.completeLogin(challenge?.id, { totp })
    }

    expect(undone.data).toBe(true)
    expect(undone.headers.getSetCookie()).toEqual([expect.stringContaining('-device=')])
    expect(again.code).toBe('INVALID_TOKEN')
    expect((await client.me()).code).toBe('UNAUTHENTICATED')
    expect(lockedLogin.code).toBe('INVALID_CREDENTIALS')
    expect((await signIn(taken.authenticator.code())).code).toBe('INVALID_CREDENTIALS')
    expect((await signIn(authenticator.code())).data?.user.id).toBe(user.id)
  })
})

test('an account has at most five authenticator apps', async () => {
  const { client } = await registerWithTotp(server)
  for (let count = 1; count < 5; count++) await enrollTotp(client)

  const { data } = await client.beginTotp()
  const sixth = await client.confirmTotp(data?.id ?? '', createAuthenticator(data?.secret ?? '').code())

  expect(sixth.code).toBe('INVALID_INPUT')
  expect((await client.factors()).data).toHaveLength(5)
})

test('a link undoes nothing once its factor is back, so it voids no factor that was added since', async () => {
  const { client, email, user } = await server.registerVerifiedUser()
  await enrollTotp(client)
  await enrollTotp(client)
  const tokens = []
  for (const { id } of (await client.factors()).data ?? []) {
    await client.removeFactor(id)
    tokens.push(await server.mailbox.token(email, /removed/, tokens.length + 1))
  }
  const undo = (token: string | undefined) => server.client().call('undoFactorChange', { token })

  const first = await undo(tokens[0])
  const [added] =
    await server.sql`insert into factors (user_id, kind, secret) values (${user.id}, 'TOTP', 'x') returning id`
  const second = await undo(tokens[1])

  expect([first.data, second.code]).toEqual([true, 'INVALID_TOKEN'])
  expect(await server.sql`select from factors where id = ${added?.id}`).toHaveLength(1)
})

test('a removal can be undone for 72 hours', async () => {
  const { client, input } = await registerWithTotp(server)
  const [factor] = (await client.factors()).data ?? []
  await client.removeFactor(factor?.id ?? '')
  const token = await server.mailbox.token(input.email, /removed/)
  await passTime(server, 72 * 60)

  expect((await server.client().call('undoFactorChange', { token })).code).toBe('INVALID_TOKEN')
})

test('a passkey that is the first factor again brings no recovery codes of an earlier factor back', async () => {
  const { client, input, recoveryCodes } = await registerWithTotp(server)
  const [factor] = (await client.factors()).data ?? []
  await client.removeFactor(factor?.id ?? '')
  await createSoftwarePasskey().addTo(client)
  const taker = server.client()
  const { challenge } = await taker.login(input)

  const answer = await taker.completeLogin(challenge?.id, { recoveryCode: recoveryCodes[0] })

  expect(challenge?.methods).toEqual(['passkey'])
  expect(answer.code).toBe('INVALID_CREDENTIALS')
})

test('from three recovery codes left, each use of one is a mail', async () => {
  const { input, recoveryCodes, user } = await registerWithTotp(server)
  const use = async (recoveryCode: string | undefined) => {
    const client = server.client()
    return client.completeLogin((await client.login(input)).challenge?.id, { recoveryCode })
  }
  // Mails that wait are joined to one.
  async function countMails() {
    const [row] = await server.sql`
      select coalesce(sum(count), 0)::int as mails from mail_outbox
      where user_id = ${user.id} and kind = 'recovery-codes-low'`
    return row?.mails
  }

  const counts = []
  for (const code of recoveryCodes) {
    expect((await use(code)).data).not.toBeNull()
    counts.push(await countMails())
  }

  expect(counts).toEqual([0, 0, 0, 0, 0, 0, 1, 2, 3, 4])
  await server.mailbox.mail(input.email, /Few/)
  expect(await server.eventsOf(user.id)).toContain('recovery_code_used')
})

test('after a change of address, the link of the mailbox that was left brings no factor back', async () => {
  const { client, input } = await server.registerVerifiedUser()
  await enrollTotp(client)
  const [factor] = (await client.factors()).data ?? []
  await client.removeFactor(factor?.id ?? '')
  const token = await server.mailbox.token(input.email, /removed/)
  const email = `new-${input.email}`
  await client.updateMe({ email, currentPassword: input.password })
  await client.call('verifyEmail', { token: await server.mailbox.token(email, /Confirm/) })

  const undone = await server.client().call('undoFactorChange', { token })

  expect((await client.me()).data?.email).toBe(email)
  expect(undone.code).toBe('INVALID_TOKEN')
})
