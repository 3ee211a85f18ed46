import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { version } from '../package.json'
import {
  filesOf,
  inBrowser,
  openPage,
  overflowOf,
  PHONE,
  useBrowser,
  useDevelopment,
} from './support/browser.ts'
import { startServer } from './support/server.ts'

const development = useDevelopment()
const browser = useBrowser()

test('the API reference is not served in production', async () => {
  const { fetch } = await startServer()

  expect((await fetch('/docs')).status).toBe(404)
  expect((await fetch('/docs/script-0000000000000000.js')).status).toBe(404)
})

test('the files of the API reference are compressed, and browsers keep them', async () => {
  const { origin } = development
  const files = await filesOf(`${origin}/docs`)

  expect(files).toHaveLength(4)
  for (const { headers, sizes } of files) {
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(headers.get('content-encoding')).toBe('gzip')
    expect(sizes[1]).toBeLessThan(0.7 * sizes[0])
  }
})

inBrowser('the API reference is usable on a phone, and shows the version of the package', async () => {
  const { origin } = development
  const { page } = await openPage(browser, origin, PHONE)

  await page.goto(`${origin}/docs`)
  await page.locator('.version', { hasText: version }).waitFor()
  const { status } = await tryOut(page, 'register')

  expect(status).toBe(201)
  expect(await overflowOf(page)).toBe(0)
})

inBrowser('the API reference runs operations, and nothing is loaded from other origins', async () => {
  const { origin } = development
  const { page, faults } = await openPage(browser, origin)

  await page.goto(`${origin}/docs`)
  const registered = await tryOut(page, 'register')
  const me = await tryOut(page, 'me')
  const key = await tryOut(page, 'publishedKeys')
  const loggedOut = await tryOut(page, 'logout')

  expect(registered).toMatchObject({ status: 201, body: { user: { username: 'Ada' }, refreshToken: null } })
  expect(me).toEqual({ status: 200, body: registered.body.user })
  expect(key).toMatchObject({ status: 200, body: { keys: [{ alg: 'ES256' }] } })
  expect(loggedOut).toMatchObject({ status: 204 })
  expect(faults).toEqual([])
})

/** Opens an operation with the mouse, sends its example as it stands and gives what the server answered. */
async function tryOut(page: Page, operationId: string) {
  const operation = page.locator(`[id$="-${operationId}"]`)
  await operation.locator('.opblock-summary-control').click()
  const [response] = await Promise.all([
    page.waitForResponse(
      (response) => !/\.(css|js)$/.test(response.url()) && response.request().resourceType() === 'fetch',
    ),
    operation.getByRole('button', { name: 'Execute' }).click(),
  ])
  const status = response.status()
  await operation
    .locator('.live-responses-table .response-col_status', { hasText: String(status) })
    .first()
    .waitFor()
  return { status, body: status === 204 ? null : await response.json() }
}
