import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { onTestFinished, test } from 'vitest'
import { createDatabase } from './database.ts'
import { startProgram } from './program.ts'
import { findProgram } from './programs.ts'
import { openForTest, useResource } from './resource.ts'

/** Chromium without windows, if there is one: it opens a page in a quarter of the processor time. */
const HEADLESS = 'chromium-headless-shell'
const executablePath = findProgram(process.env.CHROMIUM ?? (Bun.which(HEADLESS) ? HEADLESS : 'chromium'))

export const hasBrowser = executablePath !== ''
export const inBrowser = test.skipIf(!hasBrowser)

/** No test looks at these effects, and the blurred background of a dialog takes most of the time of its page. */
const WITHOUT_EFFECTS = `
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(\`*, ::before, ::after, ::backdrop {
    animation: none !important; backdrop-filter: none !important; transition: none !important;
  }\`)
  document.adoptedStyleSheets.push(sheet)`

export type TestBrowser = ReturnType<typeof useBrowser>

/** A browser for the tests of this file or group, which starts when one needs it. A context closes with its test. */
export const useBrowser = () =>
  useResource(async () => {
    let browser: Promise<Browser> | undefined
    return {
      async newContext(options?: BrowserContextOptions) {
        browser ??= chromium.launch({ executablePath })
        const context = await (await browser).newContext(options)
        onTestFinished(() => context.close())
        await context.addInitScript({ content: WITHOUT_EFFECTS })
        return context
      },
      close: async () => (await browser)?.close(),
    }
  })

/** The real program as a developer starts it, for the tests of this file or group. */
export const useDevelopment = () => useResource(openDevelopment)

/** The same for one test. */
export const startDevelopment = () => openForTest(openDevelopment)

async function openDevelopment() {
  const database = await createDatabase()
  const settings = { NODE_ENV: 'development', APP_URL: 'http://localhost:4001' }
  const program = await startProgram({ ...settings, DATABASE_URL: database.url })
  return {
    ...program,
    origin: program.url,
    async close() {
      await program.stop()
      await database.drop()
    },
  }
}

/** The size of the window of a phone. */
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }

/** A page, and its faults: errors, and requests to other origins than `origin`. */
export async function openPage(browser: TestBrowser, origin: string, options?: BrowserContextOptions) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
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

/** How far the content of a page is wider than the window, in pixels. On a phone `innerWidth` grows with the content. */
export const overflowOf = (page: Page) =>
  page.evaluate<number>(
    `document.documentElement.scrollWidth - ${page.viewportSize()?.width ?? 'window.innerWidth'}`,
  )

/** The scripts and styles that a page named by its address loads, as the server sends them to a browser. */
export async function filesOf(url: string) {
  const html = await (await fetch(url)).text()
  const paths = [...html.matchAll(/"(\/[^"]+\.(?:css|js))"/g)].map(([, path = '']) => path)
  return Promise.all(
    paths.map(async (path) => {
      const file = new URL(path, url)
      const [plain, sent] = await Promise.all([
        fetch(file, { headers: { 'accept-encoding': 'identity' } }),
        fetch(file, { headers: { 'accept-encoding': 'gzip' }, decompress: false } as RequestInit),
      ])
      const [bytes, compressed] = await Promise.all([plain.bytes(), sent.bytes()])
      return { path, headers: sent.headers, sizes: [bytes.length, compressed.length] as const }
    }),
  )
}
