import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { chromium, type Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { createDatabase } from './support/database.ts'
import { freePort, startProcess, untilReady } from './support/process.ts'
import { startServer } from './support/server.ts'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
/** CI has a browser; at home the test is left out where there is none. */
const inBrowser = test.skipIf(!existsSync(executablePath) && !process.env.CI)

const TABS = 'Register Login Me Refresh Sessions Events ChangePassword RequestPasswordReset Logout'.split(' ')

test('GraphiQL is not there in production', async () => {
  const { fetch } = await startServer()

  expect((await fetch('/graphql', { headers: { accept: 'text/html' } })).status).toBe(405)
})

inBrowser('the tabs of GraphiQL work by pressing play, and nothing is loaded from elsewhere', async () => {
  const origin = await startDevelopment()
  const page = await openPage()
  const faults: string[] = []
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol !== 'data:' && url.origin !== origin) faults.push(url.href)
  })
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))

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

/** The real program as a developer starts it, on a database of its own. */
async function startDevelopment() {
  const database = await createDatabase()
  onTestFinished(database.drop)
  const PORT = String(await freePort())
  const AUTH_SECRET = randomBytes(32).toString('base64')
  const server = startProcess({
    cwd: tmpdir(),
    env: { NODE_ENV: 'development', DATABASE_URL: database.url, AUTH_SECRET, PORT },
  })
  onTestFinished(async () => void (await server.stop()))
  await untilReady(`http://localhost:${PORT}`)
  return `http://localhost:${PORT}`
}

async function openPage() {
  const browser = await chromium.launch({ executablePath })
  onTestFinished(() => browser.close())
  const page = await browser.newPage()
  page.setDefaultTimeout(10_000)
  return page
}

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
