import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { startServer } from './support/server.ts'

test.each([
  [{ INTROSPECTION: 'true' }, 200],
  [{ PUBLISH_SCHEMA: 'true' }, 200],
  [{}, 404],
])('with %j GET /schema.graphql answers %i', async (settings: Record<string, string>, status) => {
  const server = await startServer(settings)
  const response = await server.fetch('/schema.graphql')

  expect(response.status).toBe(status)
  if (status !== 200) return
  expect(await response.text()).toBe(await readFile('schema.graphql', 'utf8'))
  expect(response.headers.get('cache-control')).toBe('public, max-age=300')
})

test('publishing the schema does not allow introspection', async () => {
  const server = await startServer({ PUBLISH_SCHEMA: 'true' })
  const response = await server.askGraphQL({ query: '{ __schema { queryType { name } } }' })

  expect(response.status).toBe(400)
})
