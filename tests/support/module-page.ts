import { createServer } from 'node:http'
import { openPage, type TestBrowser } from './browser.ts'
import { portOf } from './net.ts'
import { openForTest } from './resource.ts'

/** The script of a module with all that it imports. */
export async function buildModule(entry: string) {
  const { outputs } = await Bun.build({ entrypoints: [entry], target: 'browser' })
  return outputs[0]?.text() ?? ''
}

/** An empty page in a browser, at a port, that can import the script as `/module.js`. */
export async function openModulePage(browser: TestBrowser, script: string, port: number) {
  const server = createServer(({ url }, response) => {
    response.setHeader('content-type', url === '/module.js' ? 'text/javascript' : 'text/html')
    response.end(url === '/module.js' ? script : '<!doctype html><link rel="icon" href="data:,">')
  }).listen(port)
  await openForTest(async () => ({ close: () => server.close() }))
  const origin = `http://localhost:${await portOf(server)}`
  const { page } = await openPage(browser, origin)
  await page.goto(origin)
  return page
}
