import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

/**
 * Takes the pictures of the documents again, from a server that runs in development:
 *
 *     bun run dev
 *     bun docs/pictures.ts
 */
const server = process.argv[2] ?? 'http://localhost:3000'
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' })
const page = await browser.newPage({ viewport: { width: 1200, height: 700 }, colorScheme: 'light' })
const take = (name: string) =>
  page.screenshot({ path: fileURLToPath(new URL(`images/${name}.png`, import.meta.url)) })

await page.goto(`${server}/graphql`)
await page.getByRole('button', { name: /execute/i }).click()
await page.getByText('"accessToken"').waitFor()
await take('graphiql')

await page.goto(`${server}/docs`)
const operation = page.locator('[id$="-register"]')
await operation.waitFor()
await operation.evaluate((found) => found.closest('.opblock-tag-section')?.scrollIntoView())
await take('reference')

await browser.close()
