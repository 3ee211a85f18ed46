import { describe, expect, test } from 'vitest'
import { ageProofs, registerWithTotp } from './support/authenticator.ts'
import { hasBrowser } from './support/browser.ts'
import { ADAPTERS, account, createClient, WAYS } from './support/client.ts'
import { usePasskeyBrowser } from './support/passkeys.ts'
import { send } from './support/send.ts'
import { BEHIND_PROXY, startServer, useServerWithMail } from './support/server.ts'
import { createSoftwarePasskey } from './support/software-passkey.ts'

describe.skipIf(!hasBrowser)('passkeys', () => {
  const server = useServerWithMail(BEHIND_PROXY)
  const createDevice = usePasskeyBrowser()

  async function registerWithPasskey(options?: Parameters<typeof createDevice>[0]) {
    const person = await server.registerUser('REST', 'COOKIE')
    const device = await createDevice(options)
    const added = await device.addTo(person.client)
    if (!added.data) throw new Error(`The passkey was answered with ${added.code}`)
    return { ...person, device, passkey: added.data }
  }

  describe.each(WAYS)('by $adapter with $transport', ({ adapter, transport }) => {
    test('a passkey is added, signs in without an address at aal2, gets a name and is removed', async () => {
      const { client, user } = await server.registerUser(adapter, transport)
      const device = await createDevice()

      const added = await device.addTo(client, 'Work laptop')
      const visitor = server.client(adapter, transport)
      const login = await visitor.call('loginWithPasskey', { ...(await device.prove(visitor)), transport })
      const id = added.data?.id ?? ''
      const renamed = await visitor.call('renamePasskey', { id, name: 'Old laptop' })
      const listed = await visitor.call('passkeys')
      const signals = await visitor.call('passkeySignals')
      const removed = await visitor.call('removePasskey', { id })

      expect(added.data).toMatchObject({ name: 'Work laptop', isSynced: false, lastUsedAt: null })
      expect(login.data?.user.id).toBe(user.id)
      expect(login.data?.session).toMatchObject({ acr: 'aal2', amr: ['hwk', 'user', 'mfa'] })
      expect(login.data?.refreshToken === null).toBe(transport === 'COOKIE')
      expect(renamed.data?.name).toBe('Old laptop')
      expect(listed.data).toMatchObject([{ id, name: 'Old laptop', lastUsedAt: expect.any(String) }])
      expect(signals.data).toMatchObject({
        rpId: 'auth.example.com',
        allAcceptedCredentialIds: [expect.any(String)],
        name: user.email,
      })
      expect(Buffer.from(signals.data?.userId ?? '', 'base64url')).toHaveLength(64)
      expect(removed.data).toBe(true)
      expect((await visitor.call('passkeys')).data).toEqual([])
      const late = await visitor.call('loginWithPasskey', await device.prove(visitor))
      expect(late.code).toBe('INVALID_CREDENTIALS')
    })

    test('with a passkey, the password alone opens no session, and the passkey completes the sign-in', async () => {
      const { client, input } = await server.registerUser(adapter, transport)
      const device = await createDevice()
      await device.addTo(client)
      const visitor = server.client(adapter, transport)

      const { challenge, code } = await visitor.login(input)
      const completed = await visitor.completeLogin(challenge?.id, { passkey: await device.prove(visitor) })
      const steppedUp = await visitor.stepUp({ proof: { passkey: await device.prove(visitor) } })

      expect([code, challenge?.methods]).toEqual(['SECOND_FACTOR_REQUIRED', ['passkey']])
      expect(completed.data?.session).toMatchObject({ acr: 'aal2', amr: ['pwd', 'hwk', 'user', 'mfa'] })
      expect(steppedUp.data?.session.acr).toBe('aal2')
    })
  })

  test('the options verify the user, ask for no address and name no account', async () => {
    const { client } = await registerWithPasskey()

    const creation = (await client.call('beginPasskey')).data?.options
    const request = (await server.client().call('beginPasskeyLogin')).data?.options

    expect(creation).toMatchObject({
      rp: { id: 'auth.example.com' },
      attestation: 'none',
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ alg, type: 'public-key' })),
      excludeCredentials: [expect.anything()],
      // 64 bytes.
      user: { id: expect.stringMatching(/^[\w-]{86}$/) },
    })
    expect(request).toMatchObject({ rpId: 'auth.example.com', userVerification: 'required' })
    expect(request).not.toHaveProperty('allowCredentials.0')
  })

  test('of twenty finishes of one ceremony at once, one opens a session', async () => {
    const { device } = await registerWithPasskey()
    const proof = await device.prove(server.client())

    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        server.client().call('loginWithPasskey', { ...proof, transport: 'TOKEN' }),
      ),
    )

    expect(answers.filter(({ data }) => data !== null)).toHaveLength(1)
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([undefined, 'INVALID_CREDENTIALS']))
  })

  test('of equal counters in twenty ceremonies at once, one opens a session', async () => {
    const { device } = await registerWithPasskey()
    const keys = await device.readKeys()
    const proofs = []
    for (let count = 0; count < 20; count++) {
      await device.writeKeys(keys)
      proofs.push(await device.prove(server.client()))
    }

    const answers = await Promise.all(
      proofs.map((proof) => server.client().call('loginWithPasskey', { ...proof, transport: 'TOKEN' })),
    )

    expect(answers.filter(({ data }) => data !== null)).toHaveLength(1)
  })

  test('of equal counters at two replicas at once, one opens a session', async () => {
    const { device, user } = await registerWithPasskey()
    const replica = await server.startReplica()
    const there = async (path: string, init: RequestInit = {}) => send(replica.app, path, init)
    const keys = await device.readKeys()
    const proofs = []
    for (let count = 0; count < 10; count++) {
      await device.writeKeys(keys)
      proofs.push(await device.prove(server.client()))
    }
    await server.sql`delete from sessions where user_id = ${user.id}`

    const answers = await Promise.all(
      proofs.map((proof, index) => {
        const client = index % 2 === 0 ? server.client() : createClient(there, 'REST', 'TOKEN')
        return client.call('loginWithPasskey', { ...proof, transport: 'TOKEN' })
      }),
    )

    expect(answers.filter(({ data }) => data !== null)).toHaveLength(1)
    expect(await server.sql`select from sessions where user_id = ${user.id}`).toHaveLength(1)
  })

  test('a counter that steps back is refused, recorded and mailed, once for requests at once', async () => {
    const { client, device, email, user } = await registerWithPasskey()
    const copies = await device.readKeys()
    const visitor = server.client()
    for (let count = 0; count < 2; count++)
      await visitor.call('loginWithPasskey', await device.prove(visitor))
    await device.writeKeys(copies)

    const proof = await device.prove(visitor)
    const copied = await Promise.all(
      Array.from({ length: 5 }, () => server.client().call('loginWithPasskey', proof)),
    )

    expect(copied.map(({ code }) => code)).toEqual(Array(5).fill('INVALID_CREDENTIALS'))
    await server.mailbox.mail(email, /may have been copied/)
    const kept = server.sql`select count from events where user_id = ${user.id} and kind = 'passkey_copied'`
    expect(await kept).toEqual([{ count: 1 }])
    expect((await client.events(100)).data).toContainEqual(
      expect.objectContaining({ kind: 'passkey_copied', ipAddress: '192.0.2.1' }),
    )
  })

  test('a synced passkey is not refused for its counter', async () => {
    const { device, passkey } = await registerWithPasskey({ isSynced: true })
    const copies = await device.readKeys()
    const visitor = server.client()
    await visitor.call('loginWithPasskey', await device.prove(visitor))
    await device.writeKeys(copies)

    const { data } = await visitor.call('loginWithPasskey', {
      ...(await device.prove(visitor)),
      transport: 'TOKEN',
    })

    expect(passkey.isSynced).toBe(true)
    expect(data?.session.amr).toEqual(['swk', 'user', 'mfa'])
  })

  test('a passkey never changes whether it can leave its device', async () => {
    const { device } = await registerWithPasskey()
    await device.setSynced(true)
    const visitor = server.client()

    const { code } = await visitor.call('loginWithPasskey', await device.prove(visitor))

    expect(code).toBe('INVALID_CREDENTIALS')
  })

  test('a response that does not name its user completes a sign-in, but does not begin one', async () => {
    const { device, input } = await registerWithPasskey()
    const visitor = server.client()
    const proveWithoutHandle = async () => {
      const { ceremony, response } = await device.prove(visitor)
      const { userHandle: _, ...rest } = response.response as Record<string, unknown>
      return { ceremony, response: { ...response, response: rest } }
    }

    const alone = await visitor.call('loginWithPasskey', await proveWithoutHandle())
    const { challenge } = await visitor.login(input)
    const completed = await visitor.completeLogin(challenge?.id, { passkey: await proveWithoutHandle() })

    expect(alone.code).toBe('INVALID_CREDENTIALS')
    expect(completed.data?.session.acr).toBe('aal2')
  })

  test('a passkey is added by the same request after the proof that was missing', async () => {
    const { client, password, session } = await server.registerUser('REST', 'COOKIE')
    const begun = await client.call('beginPasskey')
    const response = await (await createDevice()).create(begun.data?.options ?? {})
    const input = { ceremony: begun.data?.id, response, name: 'Phone' }
    await ageProofs(server, session.id, 6)

    const refused = await client.call('addPasskey', input)
    await client.stepUp({ password })
    const added = await client.call('addPasskey', input)
    const again = await client.call('addPasskey', input)

    expect(refused.code).toBe('REAUTHENTICATION_REQUIRED')
    expect(added.data?.name).toBe('Phone')
    expect(again.code).toBe('INVALID_TOKEN')
  })

  test('an id that no standard device invents is refused, and ends the ceremony', async () => {
    const { client } = await server.registerUser()
    const { data } = await client.call('beginPasskey')
    const response = createSoftwarePasskey({ idBytes: 1024 }).create(data?.options ?? {})
    const input = { ceremony: data?.id, response, name: 'Long' }

    const refused = await client.call('addPasskey', input)
    const again = await client.call('addPasskey', input)

    expect([refused.code, again.code]).toEqual(['INVALID_CREDENTIALS', 'INVALID_TOKEN'])
    const longest = createSoftwarePasskey({ idBytes: 1023 })
    expect((await longest.addTo(client)).data?.name).toBe('A key')
  })

  test('in a session of a passkey, a locked password proves nothing', async () => {
    const { device, user, password } = await registerWithPasskey()
    await server.sql`update users set password_locked_at = now() where id = ${user.id}`
    const client = server.client()
    await client.call('loginWithPasskey', { ...(await device.prove(client)), transport: 'TOKEN' })

    const answers = [
      await client.stepUp({ password }),
      await client.changePassword({ currentPassword: password, newPassword: 'another long phrase' }),
      await client.deleteMe({ password }),
    ]

    expect(answers.map(({ code }) => code)).toEqual(Array(3).fill('INVALID_CREDENTIALS'))
  })

  test.each(ADAPTERS)('a response with too many levels is refused by %s', async (adapter) => {
    const visitor = server.client(adapter)
    const { data } = await visitor.call('beginPasskeyLogin')
    const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))

    for (const levels of [8, 3000]) {
      const response = { id: 'x', response: nested(levels) }
      const answer = await visitor.call('loginWithPasskey', { ceremony: data?.id, response })

      expect(answer).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'response' }] })
    }
  })

  test('a response counts only for its own ceremony, kind of ceremony, account and session', async () => {
    const [ada, eve] = [await registerWithPasskey(), await registerWithPasskey()]
    const visitor = server.client()
    const other = await visitor.call('beginPasskeyLogin')
    const forAnother = await visitor.call('loginWithPasskey', {
      ...(await ada.device.prove(visitor)),
      ceremony: other.data?.id,
    })
    const begun = await ada.client.call('beginPasskey')
    const registrationAsLogin = await visitor.call('loginWithPasskey', {
      ...(await ada.device.prove(visitor)),
      ceremony: begun.data?.id,
    })
    const { challenge } = await visitor.login(ada.input)
    const ofAnotherAccount = await visitor.completeLogin(challenge?.id, {
      passkey: await eve.device.prove(visitor),
    })
    const phone = await createDevice()
    const response = await phone.create(begun.data?.options ?? {})
    const input = { ceremony: begun.data?.id, response, name: 'Not hers' }
    const ofAnotherSession = await eve.client.call('addPasskey', input)

    expect([forAnother.code, registrationAsLogin.code, ofAnotherAccount.code]).toEqual(
      Array(3).fill('INVALID_CREDENTIALS'),
    )
    expect(ofAnotherSession.code).toBe('INVALID_TOKEN')
  })

  test('a page of another origin, and a user that the device did not verify, are refused', async () => {
    const { client, device } = await registerWithPasskey()
    const foreign = await createDevice({ origin: 'https://auth.example.com:4999' })
    await foreign.writeKeys(await device.readKeys())
    const visitor = server.client()
    const begun = await client.call('beginPasskey')
    const created = await foreign.create({ ...begun.data?.options, excludeCredentials: [] })

    const fromForeign = await visitor.call('loginWithPasskey', await foreign.prove(visitor))
    const addedFromForeign = await client.call('addPasskey', {
      ceremony: begun.data?.id,
      response: created,
      name: 'Foreign',
    })
    await device.setVerified(false)
    const login = await visitor.call('beginPasskeyLogin')
    const unverified = await visitor.call('loginWithPasskey', {
      ceremony: login.data?.id,
      response: await device.get({ ...login.data?.options, userVerification: 'discouraged' }),
    })

    expect([fromForeign.code, addedFromForeign.code, unverified.code]).toEqual(
      Array(3).fill('INVALID_CREDENTIALS'),
    )
  })

  test('a passkey signs in while strangers make every password wait', async () => {
    const throttled = await startServer({ THROTTLE: 'on', THROTTLE_LIMITS: 'loginPerAddress=3/60' })
    const { client, email } = await throttled.registerUser('REST', 'COOKIE')
    const device = await createDevice()
    await device.addTo(client)
    const stranger = throttled.client()
    for (let attempt = 0; attempt < 10; attempt++) {
      await stranger.login({ email, password: `not the password ${attempt}` })
    }

    const visitor = throttled.client()
    const { data } = await visitor.call('loginWithPasskey', {
      ...(await device.prove(visitor)),
      transport: 'TOKEN',
    })

    expect((await stranger.login({ email, password: 'another' })).code).toBe('TOO_MANY_REQUESTS')
    expect(data?.user.email).toBe(email)
  })

  test('an account with an app adds a passkey only with a factor of the last five minutes', async () => {
    const { client, authenticator } = await registerWithTotp(server, 'REST', 'COOKIE')
    await server.sql`update sessions set factor_at = now() - interval '6 minutes'`

    const refused = await client.call('beginPasskey')
    await client.stepUp({ proof: { totp: authenticator.code() } })
    const begun = await client.call('beginPasskey')

    expect(refused).toMatchObject({ code: 'REAUTHENTICATION_REQUIRED', acr: 'aal2' })
    expect(begun.data?.options).toBeDefined()
  })

  test('a disabled account and one that must verify its address get no session by a passkey', async () => {
    const { device, user } = await registerWithPasskey()
    await server.sql`update users set disabled_at = now() where id = ${user.id}`
    const visitor = server.client()

    const { code } = await visitor.call('loginWithPasskey', await device.prove(visitor))

    expect(code).toBe('INVALID_CREDENTIALS')
  })

  test('what no browser sends is refused', async () => {
    const { client } = await server.registerUser()
    const refusals = []
    for (const response of [
      {},
      { id: 'x' },
      { id: 'x', response: null },
      { id: 1, response: { clientDataJSON: 5 } },
    ]) {
      const visitor = server.client()
      const login = await visitor.call('beginPasskeyLogin')
      refusals.push((await visitor.call('loginWithPasskey', { ceremony: login.data?.id, response })).code)
      const begun = await client.call('beginPasskey')
      refusals.push((await client.call('addPasskey', { ceremony: begun.data?.id, response, name: 'X' })).code)
    }

    expect(new Set(refusals)).toEqual(new Set(['INVALID_CREDENTIALS']))
    expect((await server.client().call('loginWithPasskey', { ceremony: 'x', response: 'y' })).code).toBe(
      'INVALID_INPUT',
    )
    expect(account().email).toContain('@')
  })
})
