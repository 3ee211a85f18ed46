import { expect, test } from 'vitest'
import { account, JSON_TYPE } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { startProgram } from './support/program.ts'

const database = useDatabase()

/** The hints in the log about logins of which the second, at least, is over the limit. */
async function hintsOf(headers: Record<string, string>, settings: Record<string, string> = {}) {
  const limits = { THROTTLE: 'on', THROTTLE_LIMITS: 'loginPerAddress=1/3600' }
  const server = await startProgram({ DATABASE_URL: database.url, ...limits, ...settings })
  const init = { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(account()) }
  await fetch(`${server.url}/auth/login`, init)
  const { status } = await fetch(`${server.url}/auth/login`, init)
  await server.stop()
  expect(status).toBe(429)
  return [...new Set(server.output().match(/(?<="hint":")[^"]*/g))]
}

test('a refusal of a whole proxy that is not listed says so in the log', async () => {
  expect(await hintsOf({ 'x-forwarded-for': '203.0.113.7' })).toEqual([
    expect.stringContaining('A proxy that TRUSTED_PROXIES does not list forwards this'),
  ])
})

test.each([
  ['a listed proxy that names no client', {}, '127.0.0.1,::1'],
  ['a listed proxy that names a client in another header', { 'x-real-ip': '8.8.4.4' }, '127.0.0.1,::1'],
  ['a proxy with another header, which is not listed', { forwarded: 'for=8.8.4.4' }, ''],
])('a refusal of all clients of %s says so in the log', async (_name, headers, TRUSTED_PROXIES) => {
  expect(await hintsOf(headers, { TRUSTED_PROXIES })).toEqual([
    'A proxy forwards this without X-Forwarded-For, so all its clients count as one.',
  ])
})

test('a refusal of a client behind a listed proxy, or without a proxy, has no hint', async () => {
  const listed = { TRUSTED_PROXIES: '127.0.0.1,::1' }

  expect(await hintsOf({ 'x-forwarded-for': '8.8.4.4' }, listed)).toEqual([])
  expect(await hintsOf({})).toEqual([])
})
