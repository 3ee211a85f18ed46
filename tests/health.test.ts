import { expect, test } from 'vitest'
import { version } from '../package.json' with { type: 'json' }
import { startServer } from './support/server.ts'

test.each([
  ['not published by default', {}, { status: 'ok' }],
  ['published if PUBLISH_VERSION is set', { PUBLISH_VERSION: 'true' }, { status: 'ok', version }],
])('the version is %s', async (_, overrides, expected) => {
  const server = await startServer(overrides)

  const health = await server.fetch('/health')

  expect(await health.json()).toEqual(expected)
})
