import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { ENV_NAMES, loadEnv, RATE_LIMITS } from '../src/env.ts'

const complete = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://servauth@localhost/servauth',
  AUTH_SECRET: randomBytes(32).toString('base64'),
  PUBLIC_URL: 'https://auth.example.com',
}

describe('the environment', () => {
  test('the settings have the documented defaults', () => {
    expect(loadEnv(complete)).toMatchObject({
      PORT: 3000,
      ACCESS_TOKEN_SECONDS: 900,
      ACCESS_TOKEN_AUDIENCE: ['https://auth.example.com'],
      ACCESS_TOKEN_TYP: 'at+jwt',
      SESSION_IDLE_SECONDS: 604_800,
      SESSION_MAX_SECONDS: 2_592_000,
      EVENT_RETENTION_DAYS: 90,
      EVENT_MAX_ROWS: 10_000_000,
      SIGN_IN_MAILS: true,
      ALLOWED_ORIGINS: [],
      GRAPHIQL: false,
      INTROSPECTION: false,
      PUBLISH_SCHEMA: false,
      PUBLISH_VERSION: false,
      SHUTDOWN_DELAY_SECONDS: 0,
      DOCS: false,
      THROTTLE: true,
      THROTTLE_LIMITS: RATE_LIMITS,
      PASSWORD_MIN_LENGTH: 8,
      ARGON2_MEMORY_KIB: 19_456,
      ARGON2_PASSES: 2,
      ARGON2_LANES: 1,
    })
    expect(loadEnv({ NODE_ENV: 'development', PORT: '4000' })).toMatchObject({
      PUBLIC_URL: 'http://localhost:4000',
      GRAPHIQL: true,
      INTROSPECTION: true,
      DOCS: true,
    })
  })

  test.each([
    ['AUTH_SECRET', 'short'],
    ['AUTH_SECRET', 'a'.repeat(64)],
    ['AUTH_SECRET', 'abc123'.repeat(10)],
    ['AUTH_SECRET', 'this-is-a-very-long-secret-for-production-use'],
    ['AUTH_SECRET_FILE', '/nowhere/auth-secret'],
    ['PUBLIC_URL', 'http://auth.example.com'],
    ['PUBLIC_URL', 'https://auth.example.com/path'],
    ['PUBLIC_URL', 'https://user:pass@auth.example.com'],
    ['DATABASE_URL', 'mysql://localhost/x'],
    ['ALLOWED_ORIGINS', 'https://app.example.com,*'],
    ['TRUSTED_PROXIES', '10.0.0.0/8,nonsense'],
    ['TRUSTED_PROXIES', '10.0.0.0/64'],
    ['ACCESS_TOKEN_SECONDS', '4'],
    ['ACCESS_TOKEN_SECONDS', '3601'],
    ['PORT', '70000'],
    ['METRICS_PORT', '0'],
    ['METRICS_PORT', '3000'],
    ['GRAPHIQL', 'yes'],
    ['SHUTDOWN_DELAY_SECONDS', '-1'],
    ['PASSWORD_MIN_LENGTH', '7'],
    ['PASSWORD_MIN_LENGTH', '65'],
    ['ARGON2_MEMORY_KIB', '7167'],
    ['ARGON2_MEMORY_KIB', '16000'],
    ['ARGON2_PASSES', '0'],
    ['ARGON2_LANES', '9'],
    ['THROTTLE_LIMITS', 'loginPerAddress'],
    ['THROTTLE_LIMITS', 'loginPerAddress=0/60'],
    ['THROTTLE_LIMITS', 'loginPerAddress=5/0'],
    ['THROTTLE_LIMITS', 'loginPerAddress=5/60,loginPerAddress=6/60'],
    ['THROTTLE_LIMITS', 'toString=5/60'],
    ['EVENT_MAX_ROWS', '999'],
    ['EVENT_MAX_ROWS', '1e10'],
    ['BETTER_AUTH_SECRETS', '1:a-secret'],
    ['BETTER_AUTH_TRUSTED_ORIGINS', 'https://evil.example'],
    ['BETTER_AUTH_TELEMETRY', 'true'],
    ['BETTER_AUTH_TELEMETRY_ENDPOINT', 'https://evil.example'],
    ['PGSSL', 'prefer'],
    ['PGPREPARE', 'false'],
    ['PGTARGETSESSIONATTRS', 'standby'],
    ['NODE_TLS_REJECT_UNAUTHORIZED', '0'],
  ])('%s=%s is refused by name, and the value is not printed', (name, value) => {
    const refused = () => loadEnv({ ...complete, [name]: value })

    expect(refused).toThrow(`${name}:`)
    expect(refused).not.toThrow(value)
  })

  test.each([
    ['AUTH_SECRET', randomBytes(32).toString('hex')],
    ['AUTH_SECRET', randomBytes(32).toString('base64url')],
    ['PUBLIC_URL', 'http://localhost:3000'],
    ['PUBLIC_URL', 'https://auth.example.com/'],
    ['DATABASE_URL', 'postgresql://user:password@db.example.com:5432/servauth?sslmode=require'],
    ['TRUSTED_PROXIES', '10.0.0.1, 2001:db8::/32'],
    ['PASSWORD_MIN_LENGTH', '15'],
    ['METRICS_PORT', '9464'],
    ['ARGON2_MEMORY_KIB', '65536'],
    ['THROTTLE_LIMITS', 'loginPerAddress=100/60'],
    ['EVENT_MAX_ROWS', '1000'],
    ['BETTER_AUTH_SECRETS', ''],
    ['BETTER_AUTH_URL', 'https://elsewhere.example'],
    ['PGPASSWORD', 'secret'],
    ['NODE_TLS_REJECT_UNAUTHORIZED', '1'],
  ])('%s=%s is accepted', (name, value) => {
    expect(() => loadEnv({ ...complete, [name]: value })).not.toThrow()
  })

  test('.env.example describes every setting', async () => {
    const example = await readFile(new URL('../.env.example', import.meta.url), 'utf8')
    const described = [...example.matchAll(/^#? ?([A-Z0-9_]+)=/gm)].map(([, name]) => name)

    expect(described.sort()).toEqual([...ENV_NAMES].sort())
    const limits = /^# THROTTLE_LIMITS=(.*)$/m.exec(example)?.[1]
    expect(limits).toBe(
      Object.entries(RATE_LIMITS)
        .map(([name, [count, seconds]]) => `${name}=${count}/${seconds}`)
        .join(),
    )
  })

  test('each limit can be set, and each invalid one is reported', () => {
    const { THROTTLE_LIMITS } = loadEnv({
      ...complete,
      THROTTLE_LIMITS: 'loginPerAddress=50/30, registerPerAddress=1/60',
    })
    expect(THROTTLE_LIMITS).toEqual({
      ...RATE_LIMITS,
      loginPerAddress: [50, 30],
      registerPerAddress: [1, 60],
    })

    const refused = () =>
      loadEnv({ ...complete, THROTTLE_LIMITS: 'what=1/2,loginPerAddress=1/2,loginPerAddress=x' })
    expect(refused).toThrow(/THROTTLE_LIMITS: pair 1 .*\n.*THROTTLE_LIMITS: pair 3 /)
  })
})
