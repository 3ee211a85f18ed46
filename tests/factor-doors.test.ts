import { describe, expect, onTestFinished, test } from 'vitest'
import type { z } from 'zod'
import { type Operation, objectIn } from '../src/contract/operation.ts'
import { type OperationName, operations } from '../src/contract/operations.ts'
import { enrollTotp, forgetUsedCodes, registerWithTotp } from './support/authenticator.ts'
import { ADAPTERS, type Adapter, type Client, createClient, WAYS } from './support/client.ts'
import { send } from './support/send.ts'
import { BEHIND_PROXY, useServerWithMail } from './support/server.ts'
import { createSoftwarePasskey } from './support/software-passkey.ts'
import { pause } from './support/time.ts'

const server = useServerWithMail(BEHIND_PROXY)
const throttled = useServerWithMail({ ...BEHIND_PROXY, THROTTLE: 'on' })

type Person = Awaited<ReturnType<typeof registerWithTotp>>

/** A new user with an authenticator app, whose mailbox was proven before. */
async function registerVerifiedWithTotp(adapter?: Adapter) {
  const person = await server.registerVerifiedUser(adapter)
  return { ...person, ...(await enrollTotp(person.client)) }
}

/** The attempts of an attacker who has everything of an account but the factor. */
type Attempt = (taker: Client, person: Person) => Promise<{ data: unknown }>

/** Every operation that returns tokens, with all that it takes but the factor. */
const ATTEMPTS: Partial<Record<OperationName, Attempt>> = {
  register: (taker, { input }) => taker.register(input),
  login: (taker, { input }) => taker.login(input),
  completeLogin: async (taker, { input, authenticator }) =>
    taker.completeLogin((await taker.login(input)).challenge?.id, { totp: authenticator.wrongCode() }),
  refresh: async (taker, { input }) => {
    const { challenge } = await taker.login(input)
    return taker.call('refresh', { refreshToken: challenge?.id })
  },
  changePassword: (taker, { password }) =>
    taker.changePassword({ currentPassword: password, newPassword: 'another long phrase' }),
  stepUp: (taker, { password }) => taker.stepUp({ password }),
  loginWithPasskey: async (taker) => {
    const { data } = await taker.call('beginPasskeyLogin')
    const response = { id: 'AQIDBA', rawId: 'AQIDBA', type: 'public-key', response: {} }
    return taker.call('loginWithPasskey', { ceremony: data?.id, response })
  },
}

const returnsTokens = ({ output }: Operation) => {
  const fields = output.def.type === 'object' ? objectIn(output as z.ZodType).shape : {}
  return 'accessToken' in fields
}

const sessionsOf = async ({ user }: { user: { id: string } }) =>
  (await server.sql`select from sessions where user_id = ${user.id}`).length

test('every operation that returns tokens is among those that are tried without the factor', () => {
  const named = Object.entries<Operation>(operations).filter(([, operation]) => returnsTokens(operation))

  expect(named.map(([name]) => name).sort()).toEqual(Object.keys(ATTEMPTS).sort())
})

describe.each(WAYS)('without the factor by $adapter with $transport', ({ adapter, transport }) => {
  test('no operation that returns tokens opens a session', async () => {
    const person = await registerWithTotp(server, adapter, transport)
    await server.sql`delete from sessions where user_id = ${person.user.id}`

    for (const [name, attempt] of Object.entries(ATTEMPTS)) {
      const taker = server.client(adapter, transport)
      expect([name, (await attempt(taker, person)).data]).toEqual([name, null])
      expect([name, (await taker.me()).data]).toEqual([name, null])
    }

    expect(await sessionsOf(person)).toBe(0)
  })
})

describe.each(ADAPTERS)('a mailed link by %s', (adapter) => {
  const newPassword = 'another long phrase'

  /** The password opens no session, and the code does. */
  async function expectFactorIsAsked(person: Person, email = person.email) {
    const taker = server.client(adapter)
    await forgetUsedCodes(server)
    const { code, challenge } = await taker.login({ email, password: newPassword })

    expect(code).toBe('SECOND_FACTOR_REQUIRED')
    expect(await sessionsOf(person)).toBe(0)
    const { data } = await taker.completeLogin(challenge?.id, { totp: person.authenticator.code() })
    expect(data?.user.id).toBe(person.user.id)
  }

  test('a reset changes the password and nothing about the factor', async () => {
    const person = await registerVerifiedWithTotp(adapter)
    await server.client(adapter).call('requestPasswordReset', { email: person.email })
    const token = await server.mailbox.token(person.email, /Reset/)
    const { challenge } = await server.client(adapter).login(person.input)

    await server.client(adapter).call('resetPassword', { token, newPassword })
    const late = await server
      .client(adapter)
      .completeLogin(challenge?.id, { totp: person.authenticator.code() })

    expect(late.code).toBe('INVALID_TOKEN')
    await expectFactorIsAsked(person)
  })

  test('a change of address and its undo leave the factor', async () => {
    const person = await registerVerifiedWithTotp(adapter)
    const newEmail = `new-${person.email}`
    await person.client.updateMe({ email: newEmail, currentPassword: person.password })
    const confirm = await server.mailbox.token(newEmail, /Confirm/)
    await person.client.call('verifyEmail', { token: confirm, password: person.password })
    const changed = await server.client(adapter).login({ email: newEmail, password: person.password })
    const undo = await server.mailbox.token(person.email, /was changed/)

    await server.client(adapter).call('undoEmailChange', { token: undo, newPassword })

    expect(changed.code).toBe('SECOND_FACTOR_REQUIRED')
    await expectFactorIsAsked(person)
  })

  test('a report of a sign-in leaves the factor, and voids those that the taker has added', async () => {
    const person = await registerVerifiedWithTotp(adapter)
    const taker = server.client(adapter, 'TOKEN', '203.0.113.7')
    const { challenge } = await taker.login(person.input)
    await taker.completeLogin(challenge?.id, { totp: person.authenticator.code() })
    const added = await enrollTotp(taker)
    const token = await server.mailbox.token(person.email, /New sign-in/)

    await server.client(adapter).call('reportSignIn', { token, newPassword })

    await forgetUsedCodes(server)
    const stranger = server.client(adapter)
    const again = await stranger.login({ email: person.email, password: newPassword })
    const taken = await stranger.completeLogin(again.challenge?.id, { totp: added.authenticator.code() })
    expect(taken.code).toBe('INVALID_CREDENTIALS')
    await expectFactorIsAsked(person)
  })

  describe('a taker who signs in from a new place and adds a passkey', () => {
    /** What the taker does next, and the newest link that the owner gets. */
    async function comeBack(
      next: (taker: Client, person: Person, key: ReturnType<typeof createSoftwarePasskey>) => Promise<string>,
    ) {
      const person = await registerVerifiedWithTotp(adapter)
      const taker = server.client('REST', 'TOKEN', '203.0.113.7')
      const { challenge } = await taker.login(person.input)
      await forgetUsedCodes(server)
      await taker.completeLogin(challenge?.id, { totp: person.authenticator.code() })
      await server.mailbox.token(person.email, /New sign-in/)
      const key = createSoftwarePasskey()
      await key.addTo(taker)

      const token = await next(taker, person, key)
      return { person, key, token }
    }

    test('loses the passkey if the owner undoes a later change of address', async () => {
      const { person, key, token } = await comeBack(async (taker, { email, password }) => {
        const newEmail = `taker-of-${email}`
        await taker.updateMe({ email: newEmail, currentPassword: password })
        await taker.call('verifyEmail', { token: await server.mailbox.token(newEmail, /Confirm/), password })
        return server.mailbox.token(email, /was changed/)
      })

      const { data } = await server.client(adapter).call('undoEmailChange', { token, newPassword })

      expect(data).toBe(true)
      expect((await key.signIn(server.client())).code).toBe('INVALID_CREDENTIALS')
      await expectFactorIsAsked(person)
    })

    test('loses the passkey if the owner reports a later sign-in', async () => {
      const { person, key, token } = await comeBack(async (_, { email }, key) => {
        await key.signIn(server.client('REST', 'TOKEN', '198.51.100.7'))
        return server.mailbox.token(email, /New sign-in/, 2)
      })

      const { data } = await server.client(adapter).call('reportSignIn', { token, newPassword })

      expect(data).toBe(true)
      expect((await key.signIn(server.client())).code).toBe('INVALID_CREDENTIALS')
      await expectFactorIsAsked(person)
    })
  })
})

test('a disabled account completes no sign-in', async () => {
  const { input, authenticator } = await registerWithTotp(server)
  const taker = server.client()
  const { challenge } = await taker.login(input)
  await server.command(`user disable ${input.email}`)

  const answer = await taker.completeLogin(challenge?.id, { totp: authenticator.code() })

  expect(answer.data).toBeNull()
})

describe('a sign-in that was begun completes no more', () => {
  const servauth = (words: string) => server.command(words)

  const ends: Record<string, (person: Person) => Promise<unknown>> = {
    'its account was disabled and enabled again': async ({ email }) => {
      await servauth(`user disable ${email}`)
      await servauth(`user enable ${email}`)
    },
    'an operator signed its user out': ({ email }) => servauth(`user sign-out ${email}`),
    'its user signed out everywhere else': ({ client }) => client.revokeOtherSessions(),
    'its user changed the password': ({ client, password }) =>
      client.changePassword({ currentPassword: password, newPassword: 'another long phrase' }),
    'its user changed the address': async ({ client, email, password }) => {
      const newEmail = `new-${email}`
      await client.updateMe({ email: newEmail, currentPassword: password })
      await client.call('verifyEmail', { token: await server.mailbox.token(newEmail, /Confirm/), password })
    },
    'its user added another factor': ({ client }) => enrollTotp(client),
    'its account was deleted': ({ client, password }) => client.deleteMe({ password }),
  }

  test.each(Object.keys(ends))('after %s', async (name) => {
    const person = await registerVerifiedWithTotp()
    const taker = server.client()
    const { challenge } = await taker.login(person.input)

    await ends[name]?.(person)
    const answer = await taker.completeLogin(challenge?.id, { totp: person.authenticator.code() })

    expect(challenge?.id).toBeDefined()
    expect(answer.code).toBe('INVALID_TOKEN')
  })
})

test('the database refuses a session without the factor, whichever version of the server opens it', async () => {
  const { user } = await registerWithTotp(server)
  const { user: other } = await server.registerUser()
  const open = (userId: string) => server.sql`
    insert into sessions (user_id, token, transport, expires_at)
    values (${userId}, ${crypto.randomUUID()}, 'TOKEN', now() + interval '1 day')`

  await expect(open(user.id)).rejects.toThrow(/needs a second factor/)
  await expect(open(other.id)).resolves.toBeDefined()
})

test('a sign-in that waits for the account while its first factor is added opens no session', async () => {
  const person = await server.registerUser()
  const client = server.client()

  let login: ReturnType<typeof client.login> | undefined
  await server.sql.begin(async (tx) => {
    await tx`select from users where id = ${person.user.id} for update`
    await tx`insert into factors (user_id, kind, secret) values (${person.user.id}, 'TOTP', 'x')`
    login = client.login(person.input)
    await pause(300)
  })

  expect((await login)?.code).toBe('SECOND_FACTOR_REQUIRED')
})

test('an account that is deleted while its password is checked gets no challenge', async () => {
  const { input, user } = await registerWithTotp(server)
  const client = server.client()

  let login: ReturnType<typeof client.login> | undefined
  await server.sql.begin(async (tx) => {
    await tx`delete from users where id = ${user.id}`
    login = client.login(input)
    await pause(300)
  })

  expect((await login)?.code).toBe('INVALID_CREDENTIALS')
})

test('a code of a factor that is removed while its sign-in waits opens no session', async () => {
  const { input, authenticator, user } = await registerWithTotp(server)
  const client = server.client()
  const { challenge } = await client.login(input)

  let completed: ReturnType<typeof client.completeLogin> | undefined
  await server.sql.begin(async (tx) => {
    await tx`select from users where id = ${user.id} for update`
    await tx`update factors set removed_at = now() where user_id = ${user.id}`
    completed = client.completeLogin(challenge?.id, { totp: authenticator.code() })
    await pause(300)
  })

  expect((await completed)?.code).toBe('INVALID_CREDENTIALS')
})

test('equal codes at two replicas at once open one session', async () => {
  const replica = await server.startReplica()
  const { input, authenticator, user } = await registerWithTotp(server)
  await server.sql`delete from sessions where user_id = ${user.id}`
  const fetchThere = async (path: string, init: RequestInit = {}) => send(replica.app, path, init)
  const { challenge } = await server.client().login(input)
  const totp = authenticator.code()

  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => {
      const client = index % 2 === 0 ? server.client() : createClient(fetchThere, 'REST', 'TOKEN')
      return client.completeLogin(challenge?.id, { totp })
    }),
  )

  expect(answers.filter(({ data }) => data !== null)).toHaveLength(1)
  expect(await sessionsOf({ user })).toBe(1)
})

describe('guesses', () => {
  const [HOME, AWAY] = ['198.51.100.1', '203.0.113.9']

  async function ownerAtHome() {
    const client = throttled.client('REST', 'TOKEN', HOME)
    const input = { email: `owner${Math.random()}@example.com`, password: 'correct horse battery' }
    await client.register(input)
    return { client, input, ...(await enrollTotp(client)) }
  }

  test('guesses count for the account, whatever the challenge and the method, and not for a known place', async () => {
    const { input, authenticator, client } = await ownerAtHome()
    const taker = throttled.client('REST', 'TOKEN', AWAY)
    const codes = []
    for (const guess of [
      { totp: authenticator.wrongCode() },
      { recoveryCode: 'AAAA' },
      { totp: authenticator.wrongCode() },
      { recoveryCode: 'BBBB' },
      { totp: authenticator.wrongCode() },
      { recoveryCode: 'CCCC' },
    ]) {
      const { challenge } = await taker.login(input)
      codes.push((await taker.completeLogin(challenge?.id, guess)).code)
    }
    const { challenge } = await client.login(input)
    const owner = await client.completeLogin(challenge?.id, { totp: authenticator.code() })

    expect(codes.slice(0, 4)).toEqual(Array(4).fill('INVALID_CREDENTIALS'))
    expect(codes[5]).toBe('TOO_MANY_REQUESTS')
    expect(owner.data?.session.acr).toBe('aal2')
  })

  test('while a taker guesses codes, a passkey and the link that replaces lost factors work from an unknown place', async () => {
    const { input, authenticator, client } = await ownerAtHome()
    const key = createSoftwarePasskey()
    await key.addTo(client)
    const taker = throttled.client('REST', 'TOKEN', AWAY)
    const guess = async (visitor: Client, proof: object) =>
      visitor.completeLogin((await visitor.login(input)).challenge?.id, proof)
    for (let count = 0; count < 6; count++) await guess(taker, { totp: authenticator.wrongCode() })
    const owner = throttled.client('REST', 'TOKEN', '203.0.113.77')
    const prove = async () => {
      const { data } = await owner.call('beginPasskeyLogin')
      return { passkey: { ceremony: data?.id, response: key.get(data?.options ?? {}) } }
    }

    const held = await guess(owner, { recoveryCode: 'AAAA' })
    const byKey = await guess(throttled.client('REST', 'TOKEN', '203.0.113.78'), await prove())
    const stepped = await client.stepUp(await prove().then((proof) => ({ proof })))
    const byLink = await guess(owner, { recoveryToken: 'A'.repeat(43) })

    expect(held.code).toBe('TOO_MANY_REQUESTS')
    expect(byKey.data?.session.acr).toBe('aal2')
    expect(stepped.data?.session.acr).toBe('aal2')
    expect(byLink.code).toBe('INVALID_CREDENTIALS')
  })

  test('codes that the server knows to be wrong count, also if it cannot record them', async () => {
    const { input, authenticator } = await ownerAtHome()
    const taker = throttled.client('REST', 'TOKEN', '203.0.113.40')
    const { challenge } = await taker.login(input)
    await throttled.sql.unsafe(`
      create function refuse() returns trigger language plpgsql as 'begin raise exception ''full''; end';
      create trigger refuse before insert on events for each row when (new.kind = 'factor_failed')
        execute function refuse()`)
    onTestFinished(async () => {
      await throttled.sql`drop function refuse cascade`
    })
    const codes = []

    for (let guess = 0; guess < 6; guess++) {
      codes.push((await taker.completeLogin(challenge?.id, { totp: authenticator.wrongCode() })).code)
    }

    expect(codes).toEqual([...Array(5).fill('INTERNAL'), 'TOO_MANY_REQUESTS'])
  })

  test('without the password, an attacker neither learns of a factor nor makes its owner wait', async () => {
    const { input } = await ownerAtHome()
    const stranger = throttled.client('REST', 'TOKEN', AWAY)
    const wrong = { ...input, password: 'not the password' }
    const unprotected = { email: `other${Math.random()}@example.com`, password: 'correct horse battery' }
    await throttled.client('REST', 'TOKEN', HOME).register(unprotected)

    const { headers: _, ...withFactor } = await stranger.login(wrong)
    const { headers: __, ...without } = await stranger.login({ ...unprotected, password: 'not the password' })
    const invented = await stranger.completeLogin(crypto.randomUUID(), { totp: '000000' })

    expect(withFactor).toEqual(without)
    expect(invented.code).toBe('INVALID_TOKEN')
    const begun = await throttled.sql`
      select from challenges where user_id = (select id from users where email = ${input.email})`
    expect(begun).toHaveLength(0)
  })
})
