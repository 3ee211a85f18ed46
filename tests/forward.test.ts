import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bound } from './support/bound.ts'
import { startAuthServer } from './support/examples.ts'
import { createFolder } from './support/folder.ts'
import { portOf } from './support/net.ts'
import { freePort, untilAnswer } from './support/process.ts'
import { findProgram } from './support/programs.ts'
import { sendBytes } from './support/raw-request.ts'
import { send } from './support/send.ts'
import { startServer, useServer } from './support/server.ts'
import { pause } from './support/time.ts'

const server = useServer({ ALLOWED_ORIGINS: 'https://app.example.com' })
const NGINX = findProgram('nginx')

const forward = (headers: Record<string, string>) => server.fetch('/auth/forward', { headers })

async function signIn(transport: 'COOKIE' | 'TOKEN') {
  const { client, user, session } = await server.registerUser('REST', transport)
  const { cookie, accessToken } = client.kept
  return { client, user, session, cookie: `${cookie}`, bearer: `Bearer ${accessToken}` }
}

describe('a gateway that asks', () => {
  test('with a cookie gets an access token of the session for the service behind', async () => {
    const { cookie, user, session } = await signIn('COOKIE')

    const answer = await forward({ cookie, 'x-original-method': 'GET' })

    const token = answer.headers.get('authorization')?.slice('Bearer '.length) ?? ''
    expect(answer.status).toBe(200)
    expect(decodeJwt(token)).toMatchObject({ sub: user.id, sid: session.id })
    expect(answer.headers.get('x-servauth-user')).toBe(user.id)
    expect(await answer.json()).toEqual({ 'X-Hasura-User-Id': user.id, 'X-Hasura-Role': 'user' })
    expect((await server.client().call('me', undefined, { bearer: token })).data).not.toBeNull()
  })

  test('with an access token gets the same token', async () => {
    const { bearer } = await signIn('TOKEN')

    const answer = await forward({ authorization: bearer, origin: 'https://other.example.com' })

    expect([answer.status, answer.headers.get('authorization')]).toEqual([200, bearer])
  })

  test('without credentials, or after a logout, gets 401', async () => {
    const { cookie, bearer, client } = await signIn('COOKIE')
    await forward({ cookie, 'x-original-method': 'GET' })
    await client.call('logout')

    for (const headers of [{}, { cookie }, { authorization: bearer }, { authorization: 'Bearer nonsense' }]) {
      const answer = await forward({ 'x-original-method': 'GET', ...(headers as Record<string, string>) })
      expect(answer.status).toBe(401)
      expect(answer.headers.has('authorization')).toBe(false)
    }
  })

  test('about a cookie that a foreign page sends with a change gets 403', async () => {
    const { cookie } = await signIn('COOKIE')
    const ask = async (headers: Record<string, string>) => (await forward({ cookie, ...headers })).status
    const foreign = { origin: 'https://evil.example.com' }
    const crossSite = { 'sec-fetch-site': 'cross-site' }

    expect(await ask({ ...foreign, 'x-forwarded-method': 'POST' })).toBe(403)
    expect(await ask({ ...crossSite, 'x-original-method': 'DELETE' })).toBe(403)
    // A gateway that does not name the method may be asking about any.
    expect(await ask(foreign)).toBe(403)
    expect(await ask({ ...foreign, authorization: 'Basic eDp5' })).toBe(403)
    // A header that the gateway does not set comes from the client.
    expect(await ask({ ...foreign, 'x-original-method': 'POST', 'x-forwarded-method': 'GET' })).toBe(403)
    expect(await ask({ ...crossSite, 'x-original-method': 'POST', 'x-servauth-forward': 'envoy' })).toBe(403)
    expect(await ask({ ...crossSite, 'x-forwarded-method': 'GET' })).toBe(200)
    expect(await ask({ origin: 'https://app.example.com', 'x-forwarded-method': 'POST' })).toBe(200)
    // nginx takes every status but 401 and 403 for a fault.
    expect(await ask({ 'x-original-method': 'POST' })).toBe(403)
    expect(await ask({ 'x-original-method': 'POST', 'content-type': 'application/json' })).toBe(200)
  })

  test('about a WebSocket with a cookie gets 403, unless an allowed page opens it', async () => {
    const { cookie, bearer } = await signIn('COOKIE')
    const open = async (headers: Record<string, string>) =>
      (await forward({ 'x-original-method': 'GET', 'sec-websocket-version': '13', ...headers })).status
    const sibling = { origin: 'https://sibling.example.com', 'sec-fetch-site': 'same-site' }

    expect(await open({ cookie, ...sibling })).toBe(403)
    expect(await open({ cookie, origin: 'https://evil.example.com' })).toBe(403)
    expect(await open({ cookie })).toBe(403)
    expect(await open({ cookie, origin: 'https://app.example.com' })).toBe(200)
    expect(await open({ cookie, ...sibling, 'sec-fetch-site': 'same-origin' })).toBe(200)
    expect(await open({ authorization: bearer, ...sibling })).toBe(200)
  })

  test('gets a token that lives for at least half of its time', async () => {
    const own = await startServer({ ACCESS_TOKEN_SECONDS: '6' })
    const { client } = await own.registerUser('REST', 'COOKIE')
    const ask = async () => {
      const headers = { cookie: `${client.kept.cookie}`, 'x-original-method': 'GET' }
      const askedAt = Date.now()
      const answer = await own.fetch('/auth/forward', { headers })
      const { jti, exp = 0 } = decodeJwt(answer.headers.get('authorization')?.slice('Bearer '.length) ?? '')
      return { jti, secondsLeft: exp - askedAt / 1000 }
    }
    // Until the session cache is current, each request gets a token of its own.
    await expect
      .poll(async () => {
        const first = await ask()
        const second = await ask()
        return first.jti === second.jti
      })
      .toBe(true)

    await pause(3100)

    // A token counts whole seconds.
    expect((await ask()).secondsLeft).toBeGreaterThan(4)
  })
})

describe('Envoy, which asks with the method and the path of the original request,', () => {
  const ask = (method: string, headers: Record<string, string>, path = '/orders/1?full=true') => {
    const sent = { 'x-servauth-forward': 'envoy', ...headers }
    return send(server.app, `/auth/forward${path}`, { method, headers: sent }, null)
  }

  test('gets the answer for a cookie and for an access token', async () => {
    const { cookie, bearer, user } = await signIn('COOKIE')

    for (const [method, headers] of [
      ['GET', { cookie }],
      ['POST', { cookie, origin: 'https://app.example.com' }],
      ['DELETE', { authorization: bearer, origin: 'https://other.example.com' }],
    ] as const) {
      const answer = await ask(method, headers)
      expect([answer.status, answer.headers.get('x-servauth-user')]).toEqual([200, user.id])
    }
    expect((await ask('GET', {})).status).toBe(401)
    expect((await ask('PUT', { authorization: 'Bearer nonsense' })).status).toBe(401)
  })

  test('gets 403 for a change by a foreign page, whatever the page says about its method', async () => {
    const { cookie } = await signIn('COOKIE')
    const foreign = { cookie, origin: 'https://evil.example.com', 'x-forwarded-method': 'GET' }

    expect((await ask('POST', foreign)).status).toBe(403)
    expect((await ask('DELETE', foreign, '/')).status).toBe(403)
    expect((await send(server.app, '/auth/forwarding', {}, null)).status).toBe(404)
  })

  test('gets 401 without credentials, whatever the path of the original request leads to', async () => {
    const started = await startAuthServer({})
    const ask = async (path: string, ...headers: string[]) => {
      const lines = [`GET /auth/forward${path} HTTP/1.1`, 'Host: a', 'Connection: close', ...headers, '', '']
      return (await sendBytes(started.url, lines.join('\r\n'))).status
    }
    const envoy = 'X-Servauth-Forward: envoy'

    for (const path of [
      '/orders',
      '/../../health',
      '/orders/%2e%2e/%2E%2E/../../health',
      '/orders/..\\..\\..\\..\\health',
      '/orders/../../../.well-known/jwks.json?full=true',
      '/orders%0a',
      '/%',
      '//health',
    ]) {
      expect(await ask(path, envoy)).toBe(401)
    }
    // Without the header, the path could lead elsewhere. So then nothing is let through.
    expect(await ask('/orders')).toBe(404)
  })
})

/** The configuration of docs/services/nginx.md, in a server of its own. */
async function startNginx(auth: string, upstream: string) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const text = await readFile(join(root, 'docs/services/nginx.md'), 'utf8')
  const [, snippet = ''] = /^```nginx\n([\s\S]*?)^```$/m.exec(text) ?? []
  const folder = await createFolder()
  const port = await freePort()
  const here = snippet
    .replaceAll('http://localhost:3000', auth)
    .replaceAll('http://localhost:4000', upstream)
    .replaceAll('listen 80;', `listen 127.0.0.1:${port};`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ')
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off; pid ${folder}/pid; error_log ${folder}/error.log; events {} http { access_log off; ${temporary} ${here} }`,
  )
  const child = spawn(...bound(NGINX, ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')]))
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  const url = `http://127.0.0.1:${port}`
  await untilAnswer(url)
  return url
}

test.skipIf(!NGINX)('nginx as configured in the documents lets a signed-in user through', async () => {
  const auth = await startAuthServer({ ACCESS_TOKEN_SECONDS: '900' })
  const upstream = createServer((request, response) => response.end(request.headers.authorization)).listen(0)
  onTestFinished(() => void upstream.close())
  const url = await startNginx(auth.url, `http://localhost:${await portOf(upstream)}`)
  const { client, user } = await auth.registerUser('REST', 'COOKIE')
  const cookie = `${client.kept.cookie}`

  const answer = await fetch(`${url}/orders`, { headers: { cookie } })
  const token = (await answer.text()).slice('Bearer '.length)
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(`${auth.url}/.well-known/jwks.json`)))
  const without = await fetch(`${url}/orders`)
  const foreign = await fetch(`${url}/orders`, {
    method: 'POST',
    headers: { cookie, origin: 'https://evil.example.com' },
  })
  const socket = await fetch(`${url}/orders`, {
    headers: { cookie, origin: 'http://localhost:9', 'sec-websocket-version': '13' },
  })
  await auth.stop()
  const down = await fetch(`${url}/orders`, { headers: { cookie } })

  expect(payload.sub).toBe(user.id)
  expect([without.status, foreign.status, socket.status, down.status]).toEqual([401, 403, 403, 503])
})

test.skipIf(!NGINX)(
  'behind nginx as configured in the documents, a client cannot name its own address',
  async () => {
    const auth = await startAuthServer({ TRUSTED_PROXIES: '127.0.0.1,::1' })
    const url = await startNginx(auth.url, 'http://localhost:1')
    const { client } = await auth.registerUser('REST', 'COOKIE')
    const headers = {
      cookie: `${client.kept.cookie}`,
      origin: 'https://evil.example.com',
      'x-forwarded-for': '203.0.113.7',
    }

    const sent = request(`${url}/orders`, { method: 'POST', headers, localAddress: '127.0.0.2' }).end()
    await once(sent, 'response')

    const addresses = () => auth.sql`select ip_address as ip from events where kind = 'origin_refused'`
    await expect.poll(addresses).toEqual([{ ip: '127.0.0.2' }])
  },
)
