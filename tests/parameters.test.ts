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
})
