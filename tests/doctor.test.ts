import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SMTPServer } from 'smtp-server'
import { expect, test } from 'vitest'
import { callCommand } from './support/command.ts'
import { portOf } from './support/net.ts'
import { runCommand } from './support/process.ts'
import { createProxy } from './support/proxy.ts'
import { useResource } from './support/resource.ts'
import { startServer, useServerWithMail } from './support/server.ts'

const server = useServerWithMail()
/** A mail server with the certificate of the package, which has expired. */
const expired = useResource(async () => {
  const smtp = new SMTPServer({ secure: true, logger: false })
  smtp.on('error', () => {})
  const port = await portOf(smtp.listen(0, '127.0.0.1'))
  return { url: `smtps://127.0.0.1:${port}`, close: () => smtp.close() }
})
/** A mail server that serves no client: it greets with a refusal. */
const blocking = useResource(async () => {
  const smtp = new SMTPServer({
    logger: false,
    onConnect: (_, done) => done(new Error('Your network is blocked')),
  })
  smtp.on('error', () => {})
  const port = await portOf(smtp.listen(0, '127.0.0.1'))
  return { url: `smtp://127.0.0.1:${port}`, close: () => smtp.close() }
})
/** A mail server that takes passwords only after STARTTLS, as a usual Postfix does. */
const strict = useResource(async () => {
  const smtp = new SMTPServer({ logger: false })
  const port = await portOf(smtp.listen(0, '127.0.0.1'))
  return { url: `smtp://user:canary@127.0.0.1:${port}`, close: () => smtp.close() }
})
/** A mail server that takes mails only after STARTTLS. */
const reserved = useResource(async () => {
  const reply = Object.assign(new Error('5.7.0 Must issue a STARTTLS command first'), { responseCode: 530 })
  const smtp = new SMTPServer({
    logger: false,
    authOptional: true,
    onMailFrom: (_address, _session, done) => done(reply),
  })
  const port = await portOf(smtp.listen(0, '127.0.0.1'))
  return { url: `smtp://127.0.0.1:${port}`, close: () => smtp.close() }
})
const doctor = (env: Record<string, string> = {}, words = 'doctor') =>
  callCommand(words, { env: { ...server.env, THROTTLE: 'on', ...env } })
const WEBHOOK_SETTINGS = {
  WEBHOOK_SECRETS: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=',
  WEBHOOK_NETWORKS: '127.0.0.1,::1',
}
const line = (output: string, part: string) =>
  output.split('\n').find((each) => each.slice(6).startsWith(part))
const moved = (change: (url: URL) => void) => {
  const url = new URL(server.env.DATABASE_URL)
  change(url)
  return { DATABASE_URL: url.href }
}

test('a mail server that takes mails only after STARTTLS is told from one that wants a password', async () => {
  const { output } = await doctor({ SMTP_URL: reserved.url }, 'doctor --mail-to ada@example.com')

  expect(output).toMatch(/EENVELOPE, answer 530\).*\n.*demands STARTTLS.*\?requireTLS=true/)
})

test('doctor finds every part good, prints no secret and changes nothing', async () => {
  const before = await server.sql`select from jwks`
  const { code, output } = await doctor()

  expect(code).toBe(0)
  for (const part of ['settings', 'database', 'mail', 'clock', 'keys']) {
    expect(line(output, part)).toMatch(/^good/)
  }
  expect(line(output, 'database')).toMatch(
    /PostgreSQL 18.*answers in [\d.]+ ms, migrations are in, notifications arrive/,
  )
  expect(output).toContain('All is well.')
  const { password, username } = new URL(server.env.DATABASE_URL)
  for (const secret of [password, `${username}:`, server.env.AUTH_SECRET])
    expect(output).not.toContain(secret)
  expect(await server.sql`select from jwks`).toHaveLength(before.length)
  expect(server.mailbox.received).toHaveLength(0)
})

test('doctor sends a test mail to the address that it is given', async () => {
  const { code } = await doctor({}, 'doctor --mail-to ada@example.com')

  expect(code).toBe(0)
  await server.mailbox.mail('ada@example.com', /test mail/)
})

test('doctor shows why the test mail was refused', async () => {
  server.mailbox.misbehave({ code: 450, reply: 'The sender needs a password' })
  const { code, output } = await doctor({}, 'doctor --mail-to ada@example.com')
  server.mailbox.misbehave(undefined)

  expect(code).toBe(1)
  expect(output).toMatch(/answer 450\), and replied: 450 The sender needs a password/)
})

test.each<[string, string, RegExp, RegExp, () => Record<string, string>]>([
  ['invalid settings', 'settings', /not valid/, /PUBLIC_URL: must be/, () => ({ PUBLIC_URL: 'ftp://x' })],
  [
    'a port where nothing listens',
    'database',
    /ECONNREFUSED/,
    /Start PostgreSQL/,
    () =>
      moved((url) => {
        url.port = '1'
      }),
  ],
  [
    'a wrong password',
    'database',
    /28P01/,
    /user or the password/,
    () =>
      moved((url) => {
        url.password = 'wrong-canary'
      }),
  ],
  [
    'a database that does not exist',
    'database',
    /3D000/,
    /createdb/,
    () =>
      moved((url) => {
        url.pathname = '/nowhere'
      }),
  ],
  [
    'a mail server that does not exist',
    'mail',
    /ESOCKET|ECONNREFUSED/,
    /Nothing listens/,
    () => ({ SMTP_URL: 'smtp://user:canary@127.0.0.1:1' }),
  ],
  [
    'a mail server whose certificate has expired',
    'mail',
    /CERT_HAS_EXPIRED/,
    /certificate has expired/,
    () => ({ SMTP_URL: expired.url }),
  ],
  [
    'a mail server without the required TLS',
    'mail',
    /ETLS/,
    /STARTTLS/,
    () => ({ SMTP_URL: `${server.mailbox.url}?requireTLS=true` }),
  ],
  [
    'a mail server that demands STARTTLS before a password',
    'mail',
    /EAUTH, answer 538/,
    /demands STARTTLS.*\?requireTLS=true/,
    () => ({ SMTP_URL: strict.url }),
  ],
  [
    'a mail server that refuses this machine',
    'mail',
    /answer 554.*Your network is blocked/,
    /refuses to serve this machine.*EHLO.*\?name=/,
    () => ({ SMTP_URL: blocking.url }),
  ],
  [
    'a webhook that has no address',
    'webhooks',
    /hooks\.invalid cannot be called: the name has no address/,
    /Correct WEBHOOKS/,
    () => ({ WEBHOOKS: 'https://localhost/,https://hooks.invalid/canary', ...WEBHOOK_SETTINGS }),
  ],
  [
    'a file that has no breached passwords',
    'breached',
    /cannot be used/,
    /make it again.*\n(?:good .*\n)*good {2}keys/,
    () => ({ BREACHED_PASSWORDS: import.meta.filename }),
  ],
  [
    'a missing mail server where addresses must be verified',
    'settings',
    /not valid/,
    /needs a mail server in SMTP_URL/,
    () => ({ SMTP_URL: '', REQUIRE_EMAIL_VERIFICATION: 'true' }),
  ],
  [
    'another AUTH_SECRET',
    'keys',
    /cannot be used/,
    /Restore the old value/,
    () => ({ AUTH_SECRET: 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0' }),
  ],
])('doctor names %s and says what to do', async (_, part, what, wayOut, env) => {
  const { code, output } = await doctor(env())

  expect(code).toBe(1)
  expect(line(output, part)).toMatch(/^BAD/)
  expect(output).toMatch(what)
  expect(output).toMatch(wayOut)
  expect(output).not.toMatch(/canary|q8fK2mVx/)
})

test('doctor says where events may be sent to', async () => {
  const { code, output } = await doctor({ WEBHOOKS: 'https://localhost/', ...WEBHOOK_SETTINGS })

  expect(code).toBe(0)
  expect(line(output, 'webhooks')).toBe('good  webhooks  events may be sent to localhost')
})

test('doctor notes settings that work but are risky, and succeeds', async () => {
  const { code, output } = await doctor({ SMTP_URL: '', THROTTLE: 'off' })

  expect(code).toBe(0)
  expect(line(output, 'mail')).toMatch(/^note.*no mail is sent/)
  expect(line(output, 'settings')).toMatch(/^note.*guessed without limit/)
})

test('doctor notes settings that the operator probably does not mean', async () => {
  const own = { PUBLIC_URL: 'http://localhost:3000', APP_URL: '', ALLOWED_ORIGINS: '' }
  const tried = await doctor(own)
  const developing = await doctor({ NODE_ENV: 'development', APP_URL: 'https://app.example.com' })
  const brief = await doctor({ SESSION_IDLE_SECONDS: '600', ACCESS_TOKEN_SECONDS: '600' })
  const hidden = await doctor({ GRAPHIQL: 'true', ADMIN_PORT: 'off', EVENT_PULL: 'true' })
  const settled = await doctor({ ALLOWED_ORIGINS: 'https://*.example.com' })

  expect(line(tried.output, 'https')).toMatch(/^note.*cookie is sent without https/)
  expect(line(tried.output, 'pages')).toMatch(/^note.*links in mails lead to PUBLIC_URL/)
  expect(line(developing.output, 'mode')).toMatch(/^note.*development mode shows GraphiQL/)
  expect(line(developing.output, 'pages')).toMatch(/^note.*may not call Servauth from a browser/)
  expect(line(brief.output, 'sessions')).toMatch(/^note.*ends before its client needs a refresh/)
  expect(line(hidden.output, 'graphiql')).toMatch(/^note.*without INTROSPECTION/)
  expect(line(hidden.output, 'events')).toMatch(/^note.*ADMIN_PORT is off/)
  for (const part of ['https', 'mode', 'pages', 'sessions'])
    expect(line(settled.output, part)).toBeUndefined()
})

test('doctor notes variables that are written almost like a setting', async () => {
  const { code, output } = await doctor({
    TRUSTED_PROXY: '127.0.0.1',
    MAIL_FORM: 'a@example.com',
    EDITOR: 'ed',
  })

  expect(code).toBe(0)
  expect(output).toContain('TRUSTED_PROXY is no setting, and has no effect')
  expect(output).toContain('If you mean TRUSTED_PROXIES, rename it.')
  expect(output).toContain('If you mean MAIL_FROM, rename it.')
  expect(output).not.toContain('EDITOR')
})

/** The statements that remove what a migration has created: a database without it has none of that. */
async function readUndoOf(migration: string) {
  const text = await readFile(new URL(`../drizzle/${migration}.sql`, import.meta.url), 'utf8')
  const created = text.matchAll(/^CREATE (FUNCTION|INDEX|TABLE|TYPE) (?:"public"\.)?"?(\w+)/gm)
  return [...created].map(([, kind, name]) => `drop ${kind} if exists ${name} cascade`)
}

test('doctor names missing migrations, and those of a newer version', async () => {
  const other = await startServer()
  const [last] = await other.sql`
    delete from servauth_migrations where name = (select max(name) from servauth_migrations) returning name`
  for (const statement of await readUndoOf(last?.name)) await other.sql.unsafe(statement)
  const behind = await callCommand('doctor', { env: other.env })
  await other.sql`insert into servauth_migrations (name, hash) values (${last?.name}, 'x'), ('9999_later', 'x')`
  const ahead = await callCommand('doctor', { env: other.env })

  expect(behind).toMatchObject({
    code: 1,
    output: expect.stringMatching(/lacks a migration: \d+_[\s\S]*servauth migrate/),
  })
  expect(ahead).toMatchObject({ code: 1, output: expect.stringContaining('migrated by a newer Servauth') })
})

test('doctor names a pooler without notifications, and a database that does not answer', async () => {
  const proxy = await createProxy(server.env.DATABASE_URL)
  proxy.withholdNotifications()
  const pooled = await doctor({ DATABASE_URL: proxy.url })
  proxy.freeze()
  const frozen = await doctor({ DATABASE_URL: proxy.url })
  await proxy.close()

  expect(pooled).toMatchObject({ code: 1, output: expect.stringMatching(/no notifications[\s\S]*pooler/) })
  expect(frozen).toMatchObject({
    code: 1,
    output: expect.stringMatching(/CONNECT_TIMEOUT[\s\S]*does not answer/),
  })
})

test('doctor and a start name a clock that is wrong', async () => {
  const preload = join(tmpdir(), `servauth-clock-${process.pid}.ts`)
  await writeFile(preload, 'const now = Date.now; Date.now = () => now() + 600_000')
  const env = { ...server.env, BUN_OPTIONS: `--preload ${preload}` }
  const { code, output } = await runCommand('doctor', { env })
  const migrated = await runCommand('migrate', { env })
  await rm(preload)

  expect(code).toBe(1)
  expect(line(output, 'clock')).toMatch(/^BAD.*(599|600|601) s ahead/)
  expect(output).toContain('NTP')
  expect(migrated.output).toMatch(/the clock of this machine is (599|600|601) s ahead of.*NTP/)
})

test('doctor names a missing key, and notes an old one', async () => {
  const other = await startServer()
  await other.sql`update jwks set created_at = now() - interval '400 days'`
  const old = await callCommand('doctor', { env: other.env })
  await other.sql`delete from jwks`
  const unused = await callCommand('doctor', { env: other.env })
  await other.registerUser()
  await other.sql`delete from jwks`
  const none = await callCommand('doctor', { env: other.env })

  expect(old).toMatchObject({
    code: 0,
    output: expect.stringMatching(/note +keys[\s\S]*servauth keys rotate/),
  })
  expect(unused).toMatchObject({
    code: 0,
    output: expect.stringMatching(/note +keys +there is none yet/),
  })
  expect(none).toMatchObject({
    code: 1,
    output: expect.stringMatching(/BAD +keys +there is no signing key/),
  })
  expect(await other.sql`select from jwks`).toHaveLength(0)
})
