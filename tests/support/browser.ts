import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { chromium } from 'playwright-core'
import { onTestFinished, test } from 'vitest'
import { createDatabase } from './database.ts'
import { freePort, startProcess, untilReady } from './process.ts'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** CI has a browser; at home the test is left out where there is none. */
export const inBrowser = test.skipIf(!existsSync(executablePath) && !process.env.CI)

/** The real program as a developer starts it, on a database of its own. */
export async function startDevelopment() {
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

/** A page, and what went wrong on it: errors, and requests that left `origin`. */
export async function openPage(origin: string) {
  const browser = await chromium.launch({ executablePath })
  onTestFinished(() => browser.close())
  const page = await browser.newPage()
  page.setDefaultTimeout(10_000)
  const faults: string[] = []
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol !== 'data:' && url.origin !== origin) faults.push(url.href)
  })
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  return { page, faults }
}
