import { expect, test } from 'vitest'
import { version } from '../package.json' with { type: 'json' }
import { startServer } from './support/server.ts'

test.each([
  ['is nobody’s business by default', {}, { status: 'ok' }],
  ['is said where the owner wants it', { PUBLISH_VERSION: 'true' }, { status: 'ok', version }],
])('the version %s', async (_, overrides, expected) => {
  const server = await startServer(overrides)

  const health = await server.fetch('/health')

  expect(await health.json()).toEqual(expected)
})
