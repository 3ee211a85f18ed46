import { randomBytes } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { ADAPTERS, type Adapter, account, createClient } from './support/client.ts'
import { createCollector } from './support/collector.ts'
import { useDatabase } from './support/database.ts'
import { useMailbox } from './support/mailbox.ts'
import { freePort } from './support/process.ts'
import { AUTH_SECRET, startProgram } from './support/program.ts'

const SERVER = 2

const database = useDatabase()
const mailbox = useMailbox()

const start = (settings: Record<string, string>) =>
  startProgram({ DATABASE_URL: database.url, SMTP_URL: mailbox.url, ...settings })

/** A client that sends the id of its trace. */
function clientOf(url: string, adapter: Adapter, traceId: string) {
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
  return createClient(
    (path, init) =>
      fetch(url + path, {
        ...init,
        headers: { ...init?.headers, traceparent, 'x-request-id': `request-${adapter}` },
      }),
    adapter,
    'TOKEN',
  )
}

const anId = () => randomBytes(16).toString('hex')

test('a request is one span of the trace that it names, with its waits and no secret', async () => {
  const collector = createCollector()
  onTestFinished(() => collector.close())
  const server = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: 'auth-of-ada' })
  const secrets = new Set<string>([AUTH_SECRET])
  const traces = ADAPTERS.map((adapter) => ({ adapter, traceId: anId() }))
  for (const { adapter, traceId } of traces) {
    const client = clientOf(server.url, adapter, traceId)
    const input = account()
    await client.register({ ...input, username: `name of ${adapter}` })
    await client.login(input)
    await client.call('login', { ...input, password: 'not the password' })
    await client.updateMe({ username: 'another name' })
    await client.me()
    await client.refresh()
    await client.call('requestPasswordReset', { email: input.email })
    const token = await mailbox.token(input.email, /Reset/)
    await client.call('resetPassword', { token, newPassword: 'yet another phrase' })
    for (const kept of [
      input.email,
      input.password,
      'not the password',
      `name of ${adapter}`,
      'another name',
      token,
      'yet another phrase',
      client.kept.accessToken,
      client.kept.refreshToken,
    ]) {
      if (kept) secrets.add(kept)
    }
  }
  await server.stop()

  const spans = collector.spans()
  expect([...collector.services()]).toEqual(['auth-of-ada'])
  for (const { adapter, traceId } of traces) {
    const ofTrace = spans.filter((span) => span.traceId === traceId)
    const login = ofTrace.find(
      ({ name, attributes }) => name === 'login' && attributes['servauth.code'] === 'OK',
    )
    expect(login).toMatchObject({
      kind: SERVER,
      parentSpanId: '00f067aa0ba902b7',
      attributes: {
        'http.request.method': 'POST',
        'http.response.status_code': 200,
        'servauth.operation': 'login',
        'servauth.door': adapter.toLowerCase(),
        'servauth.request_id': `request-${adapter}`,
      },
    })
    const children = ofTrace
      .filter(({ parentSpanId }) => parentSpanId === login?.spanId)
      .map(({ name }) => name)
    expect(children).toContain('argon2id')
    expect(children).toContain('select users')
    const register = ofTrace.find(({ name }) => name === 'register')
    const statements = ofTrace.filter(({ parentSpanId }) => parentSpanId === register?.spanId)
    expect(statements.map(({ name }) => name)).toContain('with users')
    const reset = ofTrace.find(({ name }) => name === 'requestPasswordReset')
    const transaction = ofTrace.find(
      ({ name, parentSpanId }) => name === 'transaction' && parentSpanId === reset?.spanId,
    )
    const within = ofTrace
      .filter(({ parentSpanId }) => parentSpanId === transaction?.spanId)
      .map(({ name }) => name)
    expect(within).toContain('insert mail_outbox')
    expect(ofTrace.map(({ attributes }) => attributes['servauth.code'])).toContain('INVALID_CREDENTIALS')
    const log = server
      .output()
      .split('\n')
      .find((line) => line.includes(traceId))
    expect(JSON.parse(log ?? '{}')).toMatchObject({
      traceId,
      requestId: `request-${adapter}`,
      msg: 'request',
    })
  }
  const mail = spans.find(
    ({ name, attributes }) => name === 'mail' && attributes['servauth.mail'] === 'password-reset',
  )
  expect(spans.filter(({ parentSpanId }) => parentSpanId === mail?.spanId).map(({ name }) => name)).toContain(
    'smtp',
  )
  expect(new Set(spans.map(({ name }) => name)).size).toBeLessThan(60)
  for (const hidden of secrets) expect(collector.raw()).not.toContain(hidden)
  expect(collector.raw()).not.toContain('@example.com')
})

test('a trace is kept as the sampler and the sender of the trace decide', async () => {
  const collector = createCollector()
  onTestFinished(() => collector.close())
  const server = await start({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0',
  })
  const wanted = anId()
  const unwanted = anId()

  await fetch(`${server.url}/auth/me`)
  await fetch(`${server.url}/auth/me`, { headers: { traceparent: `00-${unwanted}-00f067aa0ba902b7-00` } })
  await fetch(`${server.url}/auth/me`, { headers: { traceparent: `00-${wanted}-00f067aa0ba902b7-01` } })
  await server.stop()

  expect(collector.spans().map(({ traceId, name }) => [traceId, name])).toEqual([[wanted, 'me']])
})

test('a collector that is gone disturbs no request and is logged', async () => {
  const server = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` })
  expect((await fetch(`${server.url}/health`)).status).toBe(200)

  const began = Date.now()
  expect(await server.stop()).toEqual({ code: 0, signal: null })
  expect(Date.now() - began).toBeLessThan(20_000)
  expect(server.output()).toContain('traces not sent')
})

const UNHEARD = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }

test.each([{}, { OTEL_SDK_DISABLED: 'true', ...UNHEARD }, { OTEL_TRACES_EXPORTER: 'none', ...UNHEARD }])(
  'there are no traces unless a setting asks for them: %o',
  async (settings) => {
    const server = await start(settings)
    await fetch(`${server.url}/auth/me`)
    await server.stop()
    expect(server.output()).not.toContain('traceId')
  },
)
