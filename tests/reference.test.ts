import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { inBrowser, openPage, startDevelopment } from './support/browser.ts'
import { startServer } from './support/server.ts'

test('the API reference is not served in production', async () => {
  const { fetch } = await startServer()

  expect((await fetch('/docs')).status).toBe(404)
  expect((await fetch('/docs/swagger-ui-bundle.js')).status).toBe(404)
})

inBrowser('the API reference runs operations, and nothing is loaded from other origins', async () => {
  const origin = await startDevelopment()
  const { page, faults } = await openPage(origin)

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
