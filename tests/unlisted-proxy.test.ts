import { expect, test } from 'vitest'
import { account, JSON_TYPE } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { startProgram } from './support/program.ts'

const database = useDatabase()

/** The hints in the log about the second of two logins, which is over the limit. */
async function hintsOf(headers: Record<string, string>, settings: Record<string, string> = {}) {
  const limits = { THROTTLE: 'on', THROTTLE_LIMITS: 'loginPerAddress=1/3600' }
  const server = await startProgram({ DATABASE_URL: database.url, ...limits, ...settings })
  const init = { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(account()) }
  await fetch(`${server.url}/auth/login`, init)
  const { status } = await fetch(`${server.url}/auth/login`, init)
  await server.stop()
  expect(status).toBe(429)
  return [...server.output().matchAll(/"hint":"([^"]*)"/g)].map(([, hint]) => hint)
}

test('a refusal of a whole proxy that is not listed says so in the log', async () => {
  expect(await hintsOf({ 'x-forwarded-for': '203.0.113.7' })).toEqual([
    expect.stringContaining('A proxy that TRUSTED_PROXIES does not list forwards this'),
  ])
})

test('a refusal of a client behind a listed proxy, or without a proxy, has no hint', async () => {
  const listed = { TRUSTED_PROXIES: '127.0.0.1,::1' }

  expect(await hintsOf({ 'x-forwarded-for': '8.8.4.4' }, listed)).toEqual([])
  expect(await hintsOf({})).toEqual([])
})
