import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { account, createClient, DOORS } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { createMailbox } from './support/mailbox.ts'
import { freePort, startProcess, untilReady } from './support/process.ts'
import { createProxy } from './support/proxy.ts'

const AUTH_SECRET = randomBytes(32).toString('base64')

let database: Awaited<ReturnType<typeof createDatabase>>
let mailbox: Awaited<ReturnType<typeof createMailbox>>
let proxy: Awaited<ReturnType<typeof createProxy>>
beforeAll(async () => {
  database = await createDatabase()
  mailbox = await createMailbox()
  proxy = await createProxy(database.url)
})
afterAll(async () => {
  await proxy.close()
  await mailbox.close()
  await database.drop()
})

test.each(['trace', 'error'])(
  'at level %s no flow, happy or not, puts a secret into the log',
  async (LOG_LEVEL) => {
    const port = await freePort()
    const url = `http://localhost:${port}`
    const common = {
      PORT: String(port),
      AUTH_SECRET,
      PUBLIC_URL: url,
      THROTTLE: 'off',
      LOG_LEVEL,
      SMTP_URL: mailbox.url,
    }
    const server = startProcess({ cwd: tmpdir(), env: { ...common, DATABASE_URL: proxy.url } })
    await untilReady(url)
    const secrets = new Set([AUTH_SECRET, new URL(database.url).password])
    const note = <T extends string | null | undefined>(secret: T) => {
      if (secret) secrets.add(secret.replace(/^.*?=/, ''))
      return secret
    }
    const canary = () => note(`canary ${randomBytes(6).toString('hex')}`)

    for (const door of DOORS) {
      for (const transport of ['COOKIE', 'TOKEN'] as const) {
        const client = createClient((path, init) => fetch(`${url}${path}`, init), door, transport)
        const keep = () => [client.secret(), client.kept.accessToken].map(note)
        const input = { email: note(account().email), password: canary() }
        await client.register(input)
        keep()
        await client.refresh()
        keep()
        await client.login({ ...input, password: canary() })
        await client.login({ ...input, [canary()]: canary() })
        await client.call('me', undefined, { bearer: canary(), cookie: `servauth=${canary()}` })
        await client.call('verifyEmail', { token: note((await mailbox.mail(input.email, /Verify/)).token) })
        const newEmail = note(account().email)
        await client.updateMe({ email: newEmail, username: canary(), currentPassword: input.password })
        await client.call('verifyEmail', { token: note((await mailbox.mail(newEmail, /Confirm/)).token) })
        await client.call('undoEmailChange', {
          token: note((await mailbox.mail(input.email, /was changed/)).token),
        })
        await client.call('requestPasswordReset', { email: input.email })
        const newPassword = canary()
        await client.call('resetPassword', {
          token: note((await mailbox.mail(input.email, /Reset/)).token),
          newPassword,
        })
        await client.login({ email: input.email, password: newPassword })
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
        await new Promise((done) => setTimeout(done, 300))
        proxy.cut()
        await Promise.all(cut)
        proxy.restore()
        await untilReady(url)
        await client.deleteMe({ password: last })
      }
    }
    await server.stop()

    const output = server.output()
    if (LOG_LEVEL === 'trace') expect(output.split('\n').length).toBeGreaterThan(60)
    expect(output).toContain('"level":50')
    expect(secrets.size).toBeGreaterThan(60)
    for (const secret of secrets) expect(output).not.toContain(secret)
    for (const line of output.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow()
  },
  90_000,
)
