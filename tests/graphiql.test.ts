import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { inBrowser, openPage, startDevelopment } from './support/browser.ts'
import { startServer } from './support/server.ts'

const TABS = 'Register Login Me Refresh Sessions Events ChangePassword RequestPasswordReset Logout'.split(' ')

test('GraphiQL is not served in production', async () => {
  const { fetch } = await startServer()

  expect((await fetch('/graphql', { headers: { accept: 'text/html' } })).status).toBe(405)
})

inBrowser('every tab of GraphiQL works, and nothing is loaded from other origins', async () => {
  const origin = await startDevelopment()
  const { page, faults } = await openPage(origin)

  await page.goto(`${origin}/graphql`)
  await page.getByText('mutation Register').waitFor()
  const answers = []
  for (const name of [...TABS, 'Me']) {
    answers.push(await play(page, name))
  }

  const user = { username: 'Ada' }
  const grant = { user, accessToken: expect.any(String) }
  expect(answers).toMatchObject([
    { register: grant },
    { login: grant },
    { me: user },
    { refresh: grant },
    { sessions: [{ current: true }] },
    { events: [{ kind: 'refresh' }, { kind: 'login' }, { kind: 'register' }] },
    { changePassword: grant },
    { requestPasswordReset: true },
    { logout: true },
    { me: null },
  ])
  expect(faults).toEqual([])
})

/** Opens a tab with the mouse, presses play and gives what the server answered. */
async function play(page: Page, name: string) {
  await page.getByTitle(name, { exact: true }).click()
  // GraphiQL takes a moment to see which operation a tab holds, and then writes it into the address.
  await page.waitForURL(({ search }) => search.includes(`+${name}+`))
  const [response] = await Promise.all([
    page.waitForResponse((response) => response.request().postDataJSON()?.operationName === name),
    page.getByRole('button', { name: 'Execute query' }).click(),
  ])
  return (await response.json()).data
}
