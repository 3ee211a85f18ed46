import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { bearer } from './support/client.ts'
import { useServer } from './support/server.ts'
import { createKeySetting } from './support/service-key.ts'

const { key, settings } = createKeySetting()
const server = useServer(settings)

async function faultsOf(answer: Response) {
  expect(answer.status).toBe(400)
  const { code, fields } = await answer.json()
  expect(code).toBe('INVALID_INPUT')
  return fields
}

describe('the parameters of a query', () => {
  const askForEvents = async (query: string) => {
    const { client } = await server.registerUser()
    return server.fetch(`/auth/events?${query}`, { headers: bearer(client.kept.accessToken ?? '') })
  }

  test.each(['constructor', '__proto__', 'toString'])('%s is no known field', async (name) => {
    const answer = await askForEvents(`${name}=1`)

    expect(await faultsOf(answer)).toEqual([{ path: name, message: 'Is not a known field.' }])
  })

  test.each(['first=1&first=2', 'first=1&first=1', 'first=1&fir%73t=2'])(
    '%s gives one twice',
    async (query) => {
      const answer = await askForEvents(query)

      expect(await faultsOf(answer)).toEqual([{ path: 'first', message: 'Is given more than once.' }])
    },
  )

  test('more than any input has are refused before they are read', async () => {
    const query = Array.from({ length: 101 }, (_, index) => `first=${index}`).join('&')
    const answer = await askForEvents(query)

    expect(await faultsOf(answer)).toEqual([{ path: '', message: 'There are more than 100 parameters.' }])
  })

  test.each(['0x10', '1e1', '%205', '+5', '5.0', '', 'true', '-1'])('a page has no %j rows', async (text) => {
    const answer = await askForEvents(`first=${text}`)

    expect(await faultsOf(answer)).toEqual([
      { path: 'first', message: 'Must be a whole number from 1 to 100.' },
    ])
  })

  test('one of each is read, encoded or not', async () => {
    const answer = await askForEvents('%66irst=%31')

    expect(answer.status).toBe(200)
  })
})

test('GET /graphql refuses a parameter that is given twice', async () => {
  const answer = await server.fetch('/graphql?query=%7Bme%7Bid%7D%7D&query=x')

  expect(answer.status).toBe(400)
  expect(await answer.text()).toContain('INVALID_INPUT')
})

describe('the parameters of a form', () => {
  test('one that is given twice is refused, whichever of the two is right', async () => {
    const { client } = await server.registerUser()
    const token = client.kept.accessToken ?? ''

    for (const body of [`token=${token}&token=x`, `token=x&token=${token}`]) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded', ...bearer(key) }
      const answer = await server.fetch('/auth/introspect', { method: 'POST', headers, body })
      expect(await faultsOf(answer)).toEqual([{ path: 'token', message: 'Is given more than once.' }])
    }
  })
})

describe('the fields of a JSON body', () => {
  test.each(['constructor', '__proto__', 'prototype'])('%s is no known field', async (name) => {
    const body = `{"email":"ada@example.com","password":"a long enough phrase","${name}":{"isAdmin":true}}`
    const answer = await server.fetch('/auth/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })

    expect(await faultsOf(answer)).toEqual([{ path: name, message: 'Is not a known field.' }])
  })

  const requestAs = async (method: string, path: string, body: string) => {
    const { client } = await server.registerUser()
    const headers = { 'content-type': 'application/json', ...bearer(client.kept.accessToken ?? '') }
    return server.fetch(path, { method, headers, body })
  }

  test('a field of the path may stand in the body too, with the same value', async () => {
    const id = randomUUID()
    const rename = (inBody: string) =>
      requestAs('PATCH', `/auth/passkeys/${id}`, JSON.stringify({ id: inBody, name: 'Phone' }))

    expect((await rename(id)).status).toBe(404)
    expect(await faultsOf(await rename(randomUUID()))).toEqual([
      { path: 'id', message: 'Differs from the path.' },
    ])
  })

  test.each([
    ['DELETE', '/auth/sessions'],
    ['DELETE', `/auth/sessions/${randomUUID()}`],
    ['POST', '/auth/login/passkey/options'],
  ])('%s %s has no fields', async (method, path) => {
    const answer = await requestAs(method, path, '{"except":"this one"}')

    expect(await faultsOf(answer)).toEqual([{ path: 'except', message: 'Is not a known field.' }])
  })

  test.each(['', '{}', 'null'])('an operation without fields accepts the body %j', async (body) => {
    const answer = await requestAs('DELETE', '/auth/sessions', body)

    expect(answer.status).toBe(200)
  })
})
