import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createAuthenticator } from './support/authenticator.ts'
import { account, type Client, WAYS } from './support/client.ts'
import { useDatabase, useProxy } from './support/database.ts'
import { useMailbox } from './support/mailbox.ts'
import { AUTH_SECRET, startProgram } from './support/program.ts'
import { createSoftwarePasskey } from './support/software-passkey.ts'
import { pause } from './support/time.ts'

const database = useDatabase()
const proxy = useProxy(database)
const mailbox = useMailbox()

test.each([
  ['trace', WAYS],
  // The least of lines, so each adapter and each transport once is enough.
  ['error', [WAYS[0], WAYS[3]]],
] as [string, typeof WAYS][])(
  'at log level %s no operation writes a secret into the log',
  async (LOG_LEVEL, ways) => {
    const server = await startProgram({ DATABASE_URL: proxy.url, SMTP_URL: mailbox.url, LOG_LEVEL })
    const secrets = new Set([AUTH_SECRET, new URL(database.url).password])
    const note = <T extends string | null | undefined>(secret: T) => {
      if (secret) secrets.add(secret.replace(/^.*?=/, ''))
      return secret
    }
    const canary = () => note(`canary ${randomBytes(6).toString('hex')}`)

    for (const { adapter, transport } of ways) {
      const client = server.client(adapter, transport)
      const keep = () => [client.secret(), client.kept.accessToken].map(note)
      const input = { email: note(account().email), password: canary() }
      await client.register(input)
      keep()
      await client.refresh()
      keep()
      await client.login({ ...input, password: canary() })
      await client.login({ ...input, [canary()]: canary() })
      await client.call('me', undefined, { bearer: canary(), cookie: `servauth=${canary()}` })
      await client.call('verifyEmail', { token: note(await mailbox.token(input.email, /Verify/)) })
      const newEmail = note(account().email)
      await client.updateMe({ email: newEmail, username: canary(), currentPassword: input.password })
      await client.call('verifyEmail', { token: note(await mailbox.token(newEmail, /Confirm/)) })
      await client.call('undoEmailChange', {
        token: note(await mailbox.token(input.email, /was changed/)),
      })
      await client.call('requestPasswordReset', { email: input.email })
      const newPassword = canary()
      await client.call('resetPassword', {
        token: note(await mailbox.token(input.email, /Reset/)),
        newPassword,
      })
      await client.login({ email: input.email, password: newPassword })
      keep()
      await useFactors(server.url, client, { email: input.email, password: newPassword }, note)
      keep()
      const last = canary()
      await client.changePassword({ currentPassword: newPassword, newPassword: last })
      keep()

      proxy.freeze()
      const cut = [
        client.twin().login({ email: input.email, password: last }),
        client.twin().register({ email: note(account().email), password: canary() }),
        client.twin().refresh(),
        client.twin().changePassword({ currentPassword: last, newPassword: canary() }),
        client.twin().call('resetPassword', { token: canary(), newPassword: canary() }),
        client.twin().call('requestPasswordReset', { email: input.email }),
      ]
      await pause(300)
      proxy.cut()
      await Promise.all(cut)
      proxy.restore()
      await server.untilReady()
      await client.deleteMe({ password: last })
    }
    await server.stop()

    const output = server.output()
    if (LOG_LEVEL === 'trace') expect(output.split('\n').length).toBeGreaterThan(60)
    expect(output).toContain('"level":50')
    expect(secrets.size).toBeGreaterThan(15 * ways.length)
    for (const secret of secrets) expect(output).not.toContain(secret)
    for (const line of output.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow()
  },
)

/** Adds an app, a passkey and recovery codes, signs in with each, rightly and wrongly, and removes them. */
async function useFactors(
  origin: string,
  client: Client,
  input: object,
  note: <T extends string | undefined>(secret: T) => T,
) {
  const begun = await client.beginTotp()
  const { id = '', secret = '' } = begun.data ?? {}
  const authenticator = createAuthenticator(secret)
  const { data } = await client.confirmTotp(note(id), authenticator.code(-1))
  for (const code of [secret, ...(data?.codes ?? [])]) note(code)
  const { challenge } = await client.login(input)
  await client.completeLogin(note(challenge?.id), { recoveryCode: 'AAAA-BBBB' })
  await client.completeLogin(challenge?.id, { recoveryCode: data?.codes?.[0] })
  const passkey = createSoftwarePasskey({ origin })
  const ceremony = await client.call('beginPasskey')
  const response = passkey.create(ceremony.data?.options ?? {})
  await client.call('addPasskey', { ceremony: note(ceremony.data?.id), response, name: 'Phone' })
  const login = await client.call('beginPasskeyLogin')
  const chosen = { ceremony: note(login.data?.id), response: passkey.get(login.data?.options ?? {}) }
  await client.call('loginWithPasskey', { ...chosen, response: { ...chosen.response, id: 'AQID' } })
  await client.call('loginWithPasskey', chosen)
  for (const { id } of (await client.factors()).data ?? []) await client.removeFactor(id)
}
