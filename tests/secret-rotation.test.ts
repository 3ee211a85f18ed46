import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { loadEnv } from '../src/env.ts'
import { registerAdministrator } from './support/administrator.ts'
import { forgetUsedCodes, registerWithTotp } from './support/authenticator.ts'
import { createClients } from './support/client.ts'
import { callCommand } from './support/command.ts'
import { send } from './support/send.ts'
import { startServerWithMail } from './support/server.ts'
import { insertServiceKey } from './support/service-key.ts'

type Server = Awaited<ReturnType<typeof startServerWithMail>>

/** A replica beside a server, on the same database and with other secrets. */
async function startBeside(server: Server, settings: Record<string, string>) {
  const replica = await server.startReplica(loadEnv({ ...server.env, ...settings }))
  const fetch = async (path: string, init: RequestInit = {}) => send(replica.app, path, init)
  return createClients(fetch)
}

const newSecret = () => randomBytes(32).toString('base64url')

test('a new AUTH_SECRET with AUTH_SECRET_PREVIOUS keeps sessions, links, keys and factors', async () => {
  const server = await startServerWithMail()
  const { client, input, authenticator } = await registerWithTotp(server, 'REST', 'TOKEN')
  await server.client().call('requestPasswordReset', { email: input.email })
  const token = await server.mailbox.token(input.email, /Reset/)
  const [AUTH_SECRET, AUTH_SECRET_PREVIOUS] = [newSecret(), server.env.AUTH_SECRET]

  const there = await startBeside(server, { AUTH_SECRET, AUTH_SECRET_PREVIOUS })
  const moved = there.client('REST', 'TOKEN')
  Object.assign(moved.kept, client.kept)
  await forgetUsedCodes(server)
  const me = await moved.me()
  const refreshed = await moved.refresh()
  const signIn = there.client('REST', 'TOKEN')
  const { challenge } = await signIn.login(input)
  const completed = await signIn.completeLogin(challenge?.id, { totp: authenticator.code() })
  const reset = await there.client().call('resetPassword', { token, newPassword: 'another long phrase' })

  expect([me.code, refreshed.code, completed.code, reset.code]).toEqual(Array(4).fill(undefined))
})

test('after a start with the new secret, nothing at rest needs the old one', async () => {
  const server = await startServerWithMail()
  const { input, authenticator } = await registerWithTotp(server)
  const AUTH_SECRET = newSecret()
  await startBeside(server, { AUTH_SECRET, AUTH_SECRET_PREVIOUS: server.env.AUTH_SECRET })
  await forgetUsedCodes(server)

  const there = await startBeside(server, { AUTH_SECRET })
  const client = there.client()
  const { challenge } = await client.login(input)
  const completed = await client.completeLogin(challenge?.id, { totp: authenticator.code() })

  expect(completed.data?.session.acr).toBe('aal2')
})

test('a start with the new secret encrypts the secrets of webhooks again', async () => {
  const server = await startServerWithMail()
  const { client } = await registerAdministrator(server)
  const { data } = await client.call('putWebhook', { url: 'https://93.184.216.34/', newSecret: 'ED25519' })
  const AUTH_SECRET = newSecret()
  await startBeside(server, { AUTH_SECRET, AUTH_SECRET_PREVIOUS: server.env.AUTH_SECRET })

  const there = await startBeside(server, { AUTH_SECRET })
  const { key } = await insertServiceKey(server.sql, ['webhooks:read'])
  const shown = await there.client().call('webhooks', undefined, { bearer: key })

  expect(shown.data).toEqual([data?.webhook])
})

test('without AUTH_SECRET_PREVIOUS, a server with another secret does not start', async () => {
  const server = await startServerWithMail()
  await server.registerUser()

  await expect(startBeside(server, { AUTH_SECRET: newSecret() })).rejects.toThrow(/AUTH_SECRET_PREVIOUS/)
})

describe('after a secret that had leaked was replaced without the one before', () => {
  async function startAgain() {
    const server = await startServerWithMail()
    const registered = await registerWithTotp(server, 'REST', 'TOKEN')
    const { client } = await registerAdministrator(server)
    const { data } = await client.call('putWebhook', { url: 'https://93.184.216.34/' })
    await server.sql`truncate jwks, sessions, verification`
    const AUTH_SECRET = newSecret()
    const there = await startBeside(server, { AUTH_SECRET })
    await forgetUsedCodes(server)
    return { server, there, registered, AUTH_SECRET, webhookId: data?.webhook.id }
  }

  test('an authenticator app accepts no code, and a recovery code signs in', async () => {
    const { there, registered } = await startAgain()
    const { input, authenticator, recoveryCodes } = registered
    const client = there.client()
    const { challenge } = await client.login(input)
    const byApp = await client.completeLogin(challenge?.id, { totp: authenticator.code() })
    const byCode = await client.completeLogin(challenge?.id, { recoveryCode: recoveryCodes[0] })

    expect([byApp.code, byCode.code]).toEqual(['INVALID_CREDENTIALS', undefined])
  })

  test('a webhook shows that it has no secret, and gets a new one', async () => {
    const { server, there, webhookId: id } = await startAgain()
    const { key } = await insertServiceKey(server.sql, ['webhooks:read', 'webhooks:write'])
    const call = <Name extends 'webhooks' | 'testWebhook' | 'putWebhook'>(name: Name, input?: object) =>
      there.client().call(name, input, { bearer: key })

    expect((await call('webhooks')).data?.[0]?.secrets).toEqual([])
    expect((await call('testWebhook', { id })).fields?.[0]?.message).toContain('putWebhook')
    const { data } = await call('putWebhook', { id, url: 'https://93.184.216.34/' })
    expect(data?.webhook.secrets).toEqual([{ kind: 'HMAC', publicKey: null }])
    expect(data?.secret).toMatch(/^whsec_/)
  })

  test('a later rotation leaves them as they are, and doctor counts them', async () => {
    const { server, AUTH_SECRET } = await startAgain()
    const next = { AUTH_SECRET: newSecret(), AUTH_SECRET_PREVIOUS: AUTH_SECRET }
    await startBeside(server, next)

    const { output } = await callCommand('doctor', { env: { ...server.env, ...next } })
    expect(output).toMatch(/note {2}secrets .*apps \(2\) and .*webhooks \(1\)/)
  })
})
