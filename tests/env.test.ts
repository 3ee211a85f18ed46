import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { ENV_NAMES, loadEnv } from '../src/env.ts'

const complete = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://servauth@localhost/servauth',
  AUTH_SECRET: randomBytes(32).toString('base64'),
  PUBLIC_URL: 'https://auth.example.com',
}

describe('the environment', () => {
  test('has the documented defaults', () => {
    expect(loadEnv(complete)).toMatchObject({
      PORT: 3000,
      ACCESS_TOKEN_SECONDS: 900,
      ACCESS_TOKEN_AUDIENCE: 'https://auth.example.com',
      SESSION_IDLE_SECONDS: 604_800,
      SESSION_MAX_SECONDS: 2_592_000,
      ALLOWED_ORIGINS: [],
      GRAPHIQL: false,
      INTROSPECTION: false,
      PUBLISH_SCHEMA: false,
      DOCS: false,
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
    ['GRAPHIQL', 'yes'],
  ])('refuses %s=%s by name without printing the value', (name, value) => {
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
  ])('takes %s=%s', (name, value) => {
    expect(() => loadEnv({ ...complete, [name]: value })).not.toThrow()
  })

  test('is described in .env.example, name by name', async () => {
    const example = await readFile(new URL('../.env.example', import.meta.url), 'utf8')
    const described = [...example.matchAll(/^#? ?([A-Z_]+)=/gm)].map(([, name]) => name)

    expect(described.sort()).toEqual([...ENV_NAMES].sort())
  })
})
