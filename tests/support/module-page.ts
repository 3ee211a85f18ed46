import { createServer } from 'node:http'
import { openPage, type TestBrowser } from './browser.ts'
import { portOf } from './net.ts'
import { openForTest } from './resource.ts'

/** An empty page in a browser that can import the module `entry` as `/module.js`. */
export async function openModulePage(browser: TestBrowser, entry: string) {
  const { outputs } = await Bun.build({ entrypoints: [entry], target: 'browser' })
  const script = await outputs[0]?.text()
  const server = createServer(({ url }, response) => {
    response.setHeader('content-type', url === '/module.js' ? 'text/javascript' : 'text/html')
    response.end(url === '/module.js' ? script : '<!doctype html><link rel="icon" href="data:,">')
  }).listen(0)
  const origin = `http://localhost:${await portOf(server)}`
  await openForTest(async () => ({ close: () => server.close() }))
  const { page } = await openPage(browser, origin)
  await page.goto(origin)
  return { page, origin }
}
