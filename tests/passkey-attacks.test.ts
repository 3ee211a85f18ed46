import { describe, expect, test } from 'vitest'
import { enrollTotp } from './support/authenticator.ts'
import { ADAPTERS, type Adapter, type Answer } from './support/client.ts'
import { BEHIND_PROXY, useServerWithMail } from './support/server.ts'
import { createSoftwarePasskey, type Forgery } from './support/software-passkey.ts'

const server = useServerWithMail(BEHIND_PROXY)

/** Flags: user present and verified, and whether the key can leave its device and has. */
const [PRESENT, VERIFIED, ELIGIBLE, BACKED_UP] = [0x01, 0x04, 0x08, 0x10]

const FORGERIES: Record<string, Forgery> = {
  'another type': { data: { type: 'webauthn.create' } },
  'another challenge': { data: { challenge: Buffer.alloc(32).toString('base64url') } },
  'an empty challenge': { data: { challenge: '' } },
  'a list as a challenge': { data: { challenge: [] } },
  'an origin without TLS': { data: { origin: 'http://auth.example.com' } },
  'another port': { data: { origin: 'https://auth.example.com:8443' } },
  'an origin that begins like ours': { data: { origin: 'https://auth.example.com.evil.test' } },
  'a domain below ours': { data: { origin: 'https://evil.auth.example.com' } },
  'a domain beside ours': { data: { origin: 'https://app.evil.example.com' } },
  'an app that is not listed': { data: { origin: `android:apk-key-hash:${'A'.repeat(43)}` } },
  'a foreign frame': { data: { crossOrigin: true } },
  'a foreign frame as text': { data: { crossOrigin: 'true' } },
  'a page above ours': { data: { topOrigin: 'https://evil.test' } },
  'the domain of another party': { rpId: 'evil.test' },
  'the parent domain': { rpId: 'example.com' },
  'a user who was absent': { flags: VERIFIED },
  'a user who was not verified': { flags: PRESENT },
  'a key that can leave its device now': { flags: PRESENT | VERIFIED | ELIGIBLE },
  'a copy of a key that cannot have one': { flags: PRESENT | VERIFIED | BACKED_UP },
  'bytes behind the data': { trailing: Buffer.from([1, 2, 3]) },
  'no handle': { response: { userHandle: undefined } },
  'an empty handle': { response: { userHandle: '' } },
  'no signature': { response: { signature: '' } },
  'a padded id': { top: { id: 'x=' } },
  'two ids': { top: { rawId: 'AAAA' } },
  'another kind of credential': { top: { type: 'password' } },
}

async function registerWithKey(adapter: Adapter) {
  // The mailbox is proven: the first proof of an address voids everything that was set up before.
  const person = await server.registerVerifiedUser(adapter, 'COOKIE')
  const key = createSoftwarePasskey()
  const added = await key.addTo(person.client)
  if (!added.data) throw new Error(`The passkey was answered with ${added.code}`)
  return { ...person, key, passkeyId: added.data.id }
}

const countSessions = async (userId: string) =>
  (await server.sql`select from sessions where user_id = ${userId}`).length
const succeeded = (answers: Answer<unknown>[]) => answers.filter(({ data }) => data !== null)

describe.each(ADAPTERS)('attacks on passkeys by %s', (adapter) => {
  const visit = () => server.client(adapter)
  async function begin() {
    const { data } = await visit().call('beginPasskeyLogin')
    if (!data) throw new Error('The sign-in was not begun')
    return data
  }
  const finish = (ceremony: string, response: object) =>
    visit().call('loginWithPasskey', { ceremony, response, transport: 'TOKEN' })

  test('no forged response signs in, and each ends its ceremony', async () => {
    const { key, user } = await registerWithKey(adapter)
    const eve = await registerWithKey(adapter)
    const before = await countSessions(user.id)
    const attempts: Record<string, (options: Record<string, unknown>) => object> = {
      'a key of another account under this id': (options) =>
        eve.key.get(options, undefined, { top: { id: key.id, rawId: key.id } }),
      'a handle of another account': (options) =>
        key.get(options, undefined, { response: { userHandle: eve.key.get(options).response.userHandle } }),
    }
    for (const [name, forgery] of Object.entries(FORGERIES)) {
      attempts[name] = (options) => key.get(options, undefined, forgery)
    }
    const passed: string[] = []
    for (const [name, respond] of Object.entries(attempts)) {
      const { id, options } = await begin()
      const forged = await finish(id, respond(options))
      const afterwards = await finish(id, key.get(options))
      if (forged.data || afterwards.data) passed.push(name)
    }

    expect(passed).toEqual([])
    expect(await countSessions(user.id)).toBe(before)
    expect((await key.signIn(visit())).data?.user.id).toBe(user.id)
  })

  test('one response counts once, whatever it is sent to at once', async () => {
    const { client, input, key, user } = await registerWithKey(adapter)
    const challenges = [(await visit().login(input)).challenge, (await visit().login(input)).challenge]
    const { id, options } = await begin()
    const passkey = { ceremony: id, response: key.get(options) }
    const before = await countSessions(user.id)

    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => finish(id, passkey.response)),
      ...challenges.flatMap((challenge) =>
        Array.from({ length: 5 }, () => visit().completeLogin(challenge?.id, { passkey })),
      ),
      ...Array.from({ length: 3 }, () => client.stepUp({ proof: { passkey } })),
    ])

    expect(succeeded(answers)).toHaveLength(1)
    expect(await countSessions(user.id)).toBeLessThanOrEqual(before + 1)
    expect((await finish(id, passkey.response)).code).toBe('INVALID_CREDENTIALS')
  })

  test('what is begun is completed only as what it was begun for, in time, and by its owner', async () => {
    const { client, input, key, user } = await registerWithKey(adapter)
    const eve = await registerWithKey(adapter)
    const registration = await client.call('beginPasskey')
    const totp = await client.beginTotp()
    const { challenge } = await visit().login(input)
    const proveWith = async (of: typeof key) => {
      const { id, options } = await begin()
      return { ceremony: id, response: of.get(options) }
    }
    const late = await proveWith(key)
    await server.sql`update challenges set expires_at = now() where purpose = 'PASSKEY_LOGIN'`
    const ofEve = await proveWith(eve.key)
    const login = await begin()
    const unknown = { id: 'x'.repeat(43), options: { challenge: 'y' } }
    const others = [registration.data, totp.data, challenge, unknown].map((begun) => ({
      ceremony: begun?.id,
      response: key.get({ challenge: 'z' }),
    }))

    const answers = [
      await finish(late.ceremony, late.response),
      await visit().completeLogin(challenge?.id, { passkey: ofEve }),
      await client.stepUp({ proof: { passkey: await proveWith(eve.key) } }),
      await visit().completeLogin(totp.data?.id, { passkey: await proveWith(key) }),
      await visit().completeLogin(registration.data?.id, { passkey: await proveWith(key) }),
      await visit().completeLogin(login.id, { passkey: await proveWith(key) }),
      await client.call('addPasskey', {
        ceremony: login.id,
        response: createSoftwarePasskey().create({ ...registration.data?.options, ...login.options }),
        name: 'Of a sign-in',
      }),
      ...(await Promise.all(others.map(({ ceremony, response }) => finish(String(ceremony), response)))),
    ]

    expect(succeeded(answers)).toEqual([])
    expect(
      (await visit().completeLogin(challenge?.id, { passkey: await proveWith(key) })).data?.user.id,
    ).toBe(user.id)
  })

  test('no account adds the passkey of another one, and of four begun at once one is added', async () => {
    const { client, key, user } = await registerWithKey(adapter)
    const eve = await registerWithKey(adapter)
    const begun = await Promise.all(Array.from({ length: 4 }, () => client.call('beginPasskey')))
    const added = await Promise.all(
      begun.map(({ data }) =>
        client.call('addPasskey', {
          ceremony: data?.id,
          response: createSoftwarePasskey().create(data?.options ?? {}),
          name: 'One of four',
        }),
      ),
    )
    const stolen = await key.addTo(eve.client)
    const removed = await client.call('removePasskey', {
      id: (await client.call('passkeys')).data?.[0]?.id ?? '',
    })
    const stolenLater = await key.addTo(eve.client)

    expect(succeeded(added)).toHaveLength(1)
    expect(removed.data).toBe(true)
    expect([stolen.code, stolenLater.code]).toEqual(Array(2).fill('INVALID_CREDENTIALS'))
    expect((await eve.key.signIn(visit())).data?.user.id).toBe(eve.user.id)
    expect((await key.signIn(visit())).code).toBe('INVALID_CREDENTIALS')
    expect(
      await server.sql`select from factors where user_id = ${user.id} and removed_at is null`,
    ).toHaveLength(1)
  })

  test('the last way in stays, and a removal leaves no session of the passkey', async () => {
    const { client, key, passkeyId, user } = await registerWithKey(adapter)
    const second = createSoftwarePasskey()
    const added = await second.addTo(client)
    await server.sql`update users set password_locked_at = now() where id = ${user.id}`

    const removals = await Promise.all(
      [passkeyId, added.data?.id ?? ''].map((id) => client.call('removePasskey', { id })),
    )
    const left =
      await server.sql`select credential_id from factors where user_id = ${user.id} and removed_at is null`
    const gone = left[0]?.credential_id === key.id ? second : key
    const kept = gone === key ? second : key

    expect(succeeded(removals)).toHaveLength(1)
    expect((await gone.signIn(visit())).code).toBe('INVALID_CREDENTIALS')
    expect((await kept.signIn(visit())).data?.user.id).toBe(user.id)
    await enrollTotp(client)
    const keptId = gone === key ? (added.data?.id ?? '') : passkeyId
    // An app signs in beside the password only.
    expect((await client.call('removePasskey', { id: keptId })).code).toBe('INVALID_INPUT')
    await server.sql`update users set password_locked_at = null where id = ${user.id}`
    const [signIns, removal] = await Promise.all([
      Promise.all(Array.from({ length: 5 }, () => kept.signIn(visit()))),
      client.call('removePasskey', { id: keptId }),
    ])
    const alive = await Promise.all(
      signIns.map(({ data }) =>
        server.client(adapter).call('me', undefined, { bearer: data?.accessToken ?? 'none' }),
      ),
    )
    expect(removal.data).toBe(true)
    expect(succeeded(alive)).toEqual([])
  })

  test('a removed passkey comes back once, for its owner, and without what the taker has added', async () => {
    const { client, key, passkeyId, email, user } = await registerWithKey(adapter)
    const eve = await registerWithKey(adapter)
    const ofTaker = createSoftwarePasskey()
    await ofTaker.addTo(client, 'Of the taker')
    await client.call('removePasskey', { id: passkeyId })
    const token = await server.mailbox.token(email, /removed/)

    const undone = await Promise.all(
      Array.from({ length: 5 }, () => server.client(adapter).call('undoFactorChange', { token })),
    )

    expect(succeeded(undone)).toHaveLength(1)
    expect((await ofTaker.signIn(visit())).code).toBe('INVALID_CREDENTIALS')
    expect((await key.signIn(visit())).data?.user.id).toBe(user.id)
    expect((await eve.client.call('undoFactorChange', { token })).code).toBe('INVALID_TOKEN')
  })

  test('each sign-in and step-up with a passkey ends a recovery, and a recovery ends the passkeys', async () => {
    for (const stop of ['loginWithPasskey', 'completeLogin', 'stepUp', 'none']) {
      const { client, email, input, key, user } = await registerWithKey(adapter)
      const recover = async () => {
        const { challenge } = await visit().login(input)
        return visit().completeLogin(challenge?.id, { recoveryToken: 'A'.repeat(43) })
      }
      const { challenge } = await visit().login(input)
      await visit().call('requestFactorRecovery', { challenge: challenge?.id })
      expect((await recover()).data).toBeNull()
      await server.sql`update users set factor_recovery_at = now() where id = ${user.id}`
      await server.sql`update mail_outbox set next_attempt_at = now()
        where user_id = ${user.id} and status = 'PENDING' and kind = 'factor-recovery'`
      const recoveryToken = await server.mailbox.token(email, /without your second factors/)
      const { id, options } = await begin()
      const passkey = { ceremony: id, response: key.get(options) }

      if (stop === 'loginWithPasskey') await finish(id, passkey.response)
      if (stop === 'completeLogin') await visit().completeLogin(challenge?.id, { passkey })
      if (stop === 'stepUp') await client.stepUp({ proof: { passkey } })
      const recovered = await visit().completeLogin((await visit().login(input)).challenge?.id, {
        recoveryToken,
      })

      expect([stop, recovered.data !== null]).toEqual([stop, stop === 'none'])
      expect([stop, (await key.signIn(visit())).data !== null]).toEqual([stop, stop !== 'none'])
    }
  })
})
