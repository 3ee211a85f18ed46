import { expect, test } from 'vitest'
import { createAuthenticator, enrollTotp } from './support/authenticator.ts'
import type { Answer, Client } from './support/client.ts'
import { useServer } from './support/server.ts'
import { createSoftwarePasskey } from './support/software-passkey.ts'

const server = useServer({}, { hasProxy: true })

/** More than any of these operations sends to the database or gets from it. */
const MAX_PIECES = 30

/** What a user does until it is cut, and how the user goes on afterwards. */
type Attempt = {
  run: () => Promise<Answer<unknown>>
  /** Expects that all of the operation has happened, or nothing. @returns whether it has happened */
  hasHappened: () => Promise<boolean>
  /** What the user does after an operation that has happened, although no answer came. */
  goOn: () => Promise<Answer<unknown>>
}

const register = () => server.registerUser('REST', 'TOKEN')
const rows = async (table: 'factors' | 'recovery_codes' | 'sessions', userId: string) =>
  (await server.sql`select * from ${server.sql(table)} where user_id = ${userId}`).map((row) => row)
const countEvents = async (userId: string, kind: string) =>
  (await server.eventsOf(userId)).filter((found) => found === kind).length

const ATTEMPTS: Record<string, () => Promise<Attempt>> = {
  async completeLogin() {
    const { client: owner, input, user } = await register()
    const { authenticator } = await enrollTotp(owner)
    await server.sql`delete from sessions where user_id = ${user.id}`
    const client = server.client()
    const { challenge } = await client.login(input)
    const complete = (client: Client, id: string | undefined, step: number) =>
      client.completeLogin(id, { totp: authenticator.code(step) })
    return {
      run: () => complete(client, challenge?.id, 0),
      async hasHappened() {
        const sessions = await rows('sessions', user.id)
        for (const session of sessions) {
          expect(session).toMatchObject({ amr: 'pwd otp mfa', factor_at: expect.any(Date) })
        }
        return sessions.length > 0
      },
      async goOn() {
        const again = server.client()
        return complete(again, (await again.login(input)).challenge?.id, 1)
      },
    }
  },

  async confirmTotp() {
    const { client, user } = await register()
    const { data } = await client.beginTotp()
    const { code } = createAuthenticator(data?.secret ?? '')
    return {
      run: () => client.confirmTotp(data?.id ?? '', code()),
      async hasHappened() {
        const has = (await rows('factors', user.id)).length > 0
        expect(await rows('recovery_codes', user.id)).toHaveLength(has ? 10 : 0)
        expect(await countEvents(user.id, 'factor_added')).toBe(has ? 1 : 0)
        return has
      },
      async goOn() {
        await client.refresh()
        return client.renewRecoveryCodes()
      },
    }
  },

  async addPasskey() {
    const { client, user } = await register()
    const { data } = await client.call('beginPasskey')
    const passkey = createSoftwarePasskey()
    const input = { ceremony: data?.id, response: passkey.create(data?.options ?? {}), name: 'Phone' }
    return {
      run: () => client.call('addPasskey', input),
      async hasHappened() {
        const has = (await rows('factors', user.id)).length > 0
        expect(await countEvents(user.id, 'factor_added')).toBe(has ? 1 : 0)
        return has
      },
      goOn: () => client.call('passkeys'),
    }
  },

  async removeFactor() {
    const { client, user } = await register()
    await enrollTotp(client)
    await client.refresh()
    const [factor] = (await client.factors()).data ?? []
    return {
      run: () => client.removeFactor(factor?.id ?? ''),
      async hasHappened() {
        const has = (await rows('factors', user.id)).every(({ removed_at }) => removed_at !== null)
        const [row] = await server.sql`select second_factor_at from users where id = ${user.id}`
        expect(row?.second_factor_at === null).toBe(has)
        expect(await countEvents(user.id, 'factor_removed')).toBe(has ? 1 : 0)
        return has
      },
      goOn: () => client.factors(),
    }
  },
}

test.each(Object.keys(ATTEMPTS))(
  'a connection to the database that breaks anywhere leaves nothing half done by %s',
  async (name) => {
    const codes = new Set<string | undefined>()
    for (const direction of ['sent', 'answered'] as const) {
      for (let piece = 1; piece <= MAX_PIECES; piece++) {
        const attempt = await (ATTEMPTS[name] as () => Promise<Attempt>)()
        const cut = server.proxy.cutAt(piece, direction)

        const { code, data } = await attempt.run()
        const wasCut = cut.end()
        const happened = await attempt.hasHappened()
        const retried = await (happened ? attempt.goOn() : attempt.run())

        codes.add(code)
        if (data) expect(happened).toBe(true)
        if (!data || !happened)
          expect([name, direction, piece, retried.code]).toEqual([name, direction, piece, undefined])
        if (!wasCut) break
        expect(piece).toBeLessThan(MAX_PIECES)
      }
    }
    // A cut is a failure that the client can repeat, or passes unnoticed.
    expect(codes).toEqual(new Set([undefined, 'SERVICE_UNAVAILABLE']))
  },
)
