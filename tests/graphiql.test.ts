import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer } from './support/server.ts'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
/** CI has a browser; at home the test is left out where there is none. */
const withBrowser = describe.skipIf(!existsSync(executablePath) && !process.env.CI)

test('GraphiQL is not there in production', async () => {
  const { fetch } = await startServer()

  expect((await fetch('/graphql', { headers: { accept: 'text/html' } })).status).toBe(405)
})

withBrowser('GraphiQL in a browser', () => {
  let browser: Browser
  let listener: ReturnType<typeof Bun.serve>
  beforeAll(async () => {
    const { app } = await startServer({
      GRAPHIQL: 'true',
      INTROSPECTION: 'true',
      PUBLIC_URL: 'http://localhost:3000',
    })
    listener = Bun.serve({ port: 0, fetch: (request) => app.fetch(request, { address: () => '127.0.0.1' }) })
    const quiet = [
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ]
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', ...quiet] })
  })
  afterAll(async () => {
    await browser.close()
    await listener.stop(true)
  })

  test('its tabs work by pressing play, and nothing is loaded from elsewhere', async () => {
    const page = await browser.newPage()
    const faults: string[] = []
    const own = `http://localhost:${listener.port}`
    page.on('request', (request) => {
      const url = request.url().replace(/^blob:/, '')
      if (!url.startsWith(own) && !url.startsWith('data:')) faults.push(url)
    })
    page.on('pageerror', (error) => faults.push(error.message))

    await page.goto(`${own}/graphql`)
    const answers: Record<string, unknown> = {}
    for (const name of ['Register', 'Login', 'Me', 'Refresh', 'Logout', 'Me']) {
      // By keyboard: the tabs can be dragged, and a simulated mouse jumps as if it did.
      await page.getByTitle(name, { exact: true }).press('Enter')
      const answered = page.waitForResponse((response) =>
        (response.request().postData() ?? '').includes(` ${name} `),
      )
      await page.getByRole('button', { name: 'Execute query' }).click()
      Object.assign(answers, (await (await answered).json()).data)
      if (name === 'Refresh') expect(answers.me).toMatchObject({ username: 'Ada' })
    }

    const grant = { user: { username: 'Ada' }, accessToken: expect.any(String) }
    expect(answers).toMatchObject({ register: grant, login: grant, refresh: grant, logout: true, me: null })
    expect(faults).toEqual([])
  })
})
