import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { loadEnv } from '../src/env.ts'
import { ADAPTERS, account, createClient } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { freePort, runCommand, startProcess, untilReady } from './support/process.ts'

const settings = (databaseUrl: string, port: number) => ({
  NODE_ENV: 'production',
  DATABASE_URL: databaseUrl,
  PORT: String(port),
  AUTH_SECRET: randomBytes(32).toString('base64'),
  PUBLIC_URL: `http://localhost:${port}`,
  SMTP_URL: 'smtp://127.0.0.1:1',
})

/** What libraries read and what cannot change how the server answers, with the reason. */
const HARMLESS: Record<string, RegExp> = {
  'how a terminal shows colours':
    /^(CI|COLORTERM|FORCE_COLOR|NODE_DISABLE_COLORS|NO_COLOR|TEAMCITY_VERSION|TERM|TERM_PROGRAM|TF_BUILD|TMUX)$/,
  'the mode, which is a setting of ours': /^NODE_ENV$/,
  'skips checks of a secret that is checked by us, and of routes that are not mounted': /^TEST$/,
  'which build of the same hash function is loaded': /^NAPI_RS_/,
  'is always given explicitly': /^PGAPPNAME$/,
  'standard variables that .env.example describes': /^OTEL_/,
  'coverage of the tests of a library': /^NODE_V8_COVERAGE$/,
}

const isRefused = (name: string) => {
  try {
    loadEnv({ ...settings('postgres://localhost/servauth', 3000), [name]: '0' })
    return false
  } catch {
    return true
  }
}

test('a library reads no variable by itself that changes the server', async () => {
  const database = await createDatabase()
  const port = await freePort()
  const url = `http://localhost:${port}`
  const entry = fileURLToPath(new URL('support/traced-server.ts', import.meta.url))
  const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }
  const metrics = { METRICS_PORT: String(await freePort()) }
  const server = startProcess({ entry, env: { ...settings(database.url, port), ...tracing, ...metrics } })
  await untilReady(url)
  for (const adapter of ADAPTERS) {
    const client = createClient((path, init) => fetch(`${url}${path}`, init), adapter, 'TOKEN')
    const input = account()
    await client.register(input)
    await client.login(input)
    await client.refresh()
    await client.me()
    await client.logout()
  }
  await server.stop()
  await database.drop()

  const read = server
    .output()
    .split('\n')
    .filter((line) => /^[A-Za-z_]\w* @?[\w/.-]+$/.test(line))
    .map((line) => line.split(' ')[0] ?? '')

  expect(read).toContain('BETTER_AUTH_SECRETS')
  // The driver reads no other one, because every option is given explicitly.
  expect(read.filter((name) => name.startsWith('PG'))).toEqual(['PGAPPNAME'])
  const harmless = Object.values(HARMLESS)
  const others = read.filter((name) => !harmless.some((pattern) => pattern.test(name)) && !isRefused(name))
  expect(others).toEqual([])
})

test.each([
  ['BETTER_AUTH_SECRETS', '2:a-secret-that-nobody-knows-0123456789', 'AUTH_SECRET'],
  ['BETTER_AUTH_TELEMETRY', 'true', 'remove it'],
  ['PGSSL', 'prefer', 'DATABASE_URL'],
  ['NODE_TLS_REJECT_UNAUTHORIZED', '0', 'NODE_EXTRA_CA_CERTS'],
])('the program does not start with %s, and says what to do', async (name, value, advice) => {
  const env = { ...settings('postgres://localhost/servauth', 3000), [name]: value }

  const { code, output } = await runCommand('', { env })

  expect(code).toBe(1)
  const line = output.split('\n').find((each) => each.includes(`${name}: `))
  expect(line).toContain(advice)
  expect(output).not.toContain('a-secret-that-nobody-knows')
})
