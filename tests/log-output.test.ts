import { expect, test } from 'vitest'
import { ENV_NAMES } from '../src/env.ts'
import { findWithoutEffect } from '../src/settings/without-effect.ts'
import { useDatabase, useProxy } from './support/database.ts'
import { launchProgram, startProgram } from './support/program.ts'

const REQUESTS = 6000
const CONNECTIONS = 8

const database = useDatabase()
const proxy = useProxy(database)

test('a log that is not read stops no request, and its lines are dropped and counted', async () => {
  const server = await startProgram({ DATABASE_URL: database.url })
  const path = `/${'not-found/'.repeat(15)}`
  const linesOf = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))

  server.pauseReading()
  let sent = 0
  const statuses = new Set<number>()
  const connection = async () => {
    while (sent++ < REQUESTS) {
      const response = await fetch(server.url + path)
      await response.arrayBuffer()
      statuses.add(response.status)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, connection))
  server.resumeReading()

  const written = () => linesOf(server.output().slice(0, server.output().lastIndexOf('\n')))
  const dropped = () => written().find((line) => line.dropped !== undefined)
  await expect.poll(dropped).toMatchObject({ level: 40, msg: expect.stringContaining('dropped') })
  expect([...statuses]).toEqual([404])
  const asked = written().filter((line) => line.path === path)
  expect(asked.length + dropped().dropped).toBe(REQUESTS)
  await server.stop()
})

test('a start names settings that have no effect without another, and the settings that they need', async () => {
  const alone = {
    METRICS_HOST: '0.0.0.0',
    WEBHOOK_SECRETS: `whsec_${'A'.repeat(32)}`,
    MAIL_FROM: 'no-reply@example.com',
    OTEL_TRACES_SAMPLER: 'always_off',
    OTEL_TRACES_SAMPLER_ARG: '0.1',
  }
  const program = await launchProgram({ DATABASE_URL: 'postgres://localhost:1/servauth', ...alone })
  await expect.poll(program.output).toContain('not ready yet')
  await program.stop()

  const warnings = program
    .output()
    .split('\n')
    .flatMap((line) => /(?<="level":40.*"msg":")\S+ has no effect without.*(?=")/.exec(line) ?? [])
  expect(warnings).toEqual([
    'METRICS_HOST has no effect without METRICS_PORT: set that too, or remove METRICS_HOST',
    'WEBHOOK_SECRETS has no effect without WEBHOOKS: set that too, or remove WEBHOOK_SECRETS',
    'MAIL_FROM has no effect without SMTP_URL: set that too, or remove MAIL_FROM',
    'OTEL_TRACES_SAMPLER has no effect without OTEL_EXPORTER_OTLP_ENDPOINT: set that too, or remove OTEL_TRACES_SAMPLER',
    'OTEL_TRACES_SAMPLER_ARG has no effect without OTEL_TRACES_SAMPLER=parentbased_traceidratio: set that too, or remove OTEL_TRACES_SAMPLER_ARG',
  ])
})

test('every setting that needs another is without effect alone, and has an effect with it', () => {
  const all = Object.fromEntries(
    ENV_NAMES.map((name) => [name, name === 'OTEL_TRACES_SAMPLER' ? 'traceidratio' : 'x']),
  )
  const production = { ...all, NODE_ENV: 'production' }
  expect(findWithoutEffect(production)).toEqual([])

  for (const needed of ['METRICS_PORT', 'WEBHOOKS', 'OTEL_TRACES_SAMPLER']) {
    expect(findWithoutEffect({ ...production, [needed]: ' ' })).not.toEqual([])
  }
  expect(findWithoutEffect({ MAIL_FROM: 'no-reply@example.com', NODE_ENV: 'development' })).toEqual([])
  const unlimited = { THROTTLE: 'off', THROTTLE_LIMITS: 'loginPerAddress=5/60' }
  expect(findWithoutEffect(unlimited)).toEqual([{ name: 'THROTTLE_LIMITS', needs: 'THROTTLE=on' }])
  expect(findWithoutEffect({ ...unlimited, THROTTLE_LIMITS: 'eventPerAddress=5/60' })).toEqual([])
})

test('a start names variables that are probably misspelt settings, without their values', async () => {
  const misspelt = { SMPT_URL: 'smtp://pa55word.example.com', ALLOWED_ORIGIN: 'https://pa55word.example.com' }
  const program = await launchProgram({ DATABASE_URL: 'postgres://localhost:1/servauth', ...misspelt })
  await expect.poll(program.output).toContain('not ready yet')
  await program.stop()

  const warnings = program
    .output()
    .split('\n')
    .flatMap((line) => /(?<="msg":").* is no setting.*(?=")/.exec(line) ?? [])
  expect(warnings).toEqual([
    'SMPT_URL is no setting, and has no effect: if you mean SMTP_URL, rename it',
    'ALLOWED_ORIGIN is no setting, and has no effect: if you mean ALLOWED_ORIGINS, rename it',
  ])
  expect(program.output()).not.toContain('pa55word')
})

test('the log says why the database is not available', async () => {
  const server = await startProgram({ DATABASE_URL: proxy.url })
  proxy.freeze()

  expect((await fetch(`${server.url}/ready`)).status).toBe(503)

  await expect
    .poll(server.output)
    .toMatch(/"path":"\/ready".*"code":"CONNECT_TIMEOUT","message":"The database did not answer in time"/)
  proxy.restore()
  await server.stop()
})
