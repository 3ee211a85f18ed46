import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { onTestFinished, test } from 'vitest'
import { createDatabase } from './database.ts'
import { startProgram } from './program.ts'
import { useResource } from './resource.ts'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** CI has a browser; on a machine without one the tests that need it are skipped. */
export const hasBrowser = existsSync(executablePath) || Boolean(process.env.CI)
export const inBrowser = test.skipIf(!hasBrowser)

/** A browser for the tests of this file or group. */
export const useBrowser = () =>
  useResource(async () => {
    const browser = await chromium.launch({ executablePath })
    return { newContext: () => browser.newContext(), close: () => browser.close() }
  })

/** The real program as a developer starts it, on a database of its own. */
export async function startDevelopment() {
  const database = await createDatabase()
  onTestFinished(database.drop)
  const { url, stop } = await startProgram({ NODE_ENV: 'development', DATABASE_URL: database.url })
  onTestFinished(async () => void (await stop()))
  return url
}

/** A page, and its faults: errors, and requests to other origins than `origin`. */
export async function openPage(origin: string) {
  const browser = await chromium.launch({ executablePath })
  onTestFinished(() => browser.close())
  const page = await browser.newPage()
  page.setDefaultTimeout(60_000)
  const faults: string[] = []
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol !== 'data:' && url.origin !== origin) faults.push(url.href)
  })
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  return { page, faults }
}
