import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { inBrowser, openPage } from './support/browser.ts'
import { account } from './support/client.ts'
import { startAuthServer } from './support/examples.ts'
import { portOf } from './support/net.ts'
import { openForTest } from './support/resource.ts'

const SESSION = fileURLToPath(new URL('../examples/browser/session.ts', import.meta.url))

/** An empty page that can import the session of the examples. */
async function openEmptyPage() {
  const { outputs } = await Bun.build({ entrypoints: [SESSION], target: 'browser' })
  const script = await outputs[0]?.text()
  const server = createServer(({ url }, response) => {
    response.setHeader('content-type', url === '/session.js' ? 'text/javascript' : 'text/html')
    response.end(url === '/session.js' ? script : '<!doctype html><link rel="icon" href="data:,">')
  }).listen(0)
  const origin = `http://localhost:${await portOf(server)}`
  await openForTest(async () => ({ close: () => server.close() }))
  const { page } = await openPage(origin)
  await page.goto(origin)
  return { page, origin }
}

inBrowser('a watcher hears of the user once it is known, and nothing after it was ended', async () => {
  const { page, origin } = await openEmptyPage()
  const auth = await startAuthServer({ ALLOWED_ORIGINS: origin })

  // As React does in StrictMode: the effect runs, is undone, and runs again.
  const heard = await page.evaluate(`(async () => {
    const { createSession } = await import('/session.js')
    const session = createSession('${auth.url}')
    const heard = []
    const watch = (name) => session.watch((id) => heard.push(name + (id ? ' user' : ' null')))
    watch('first')()
    watch('second')
    await session.signUp(${JSON.stringify(account())})
    watch('late')()
    await session.signOut()
    return heard
  })()`)

  expect(heard).toEqual(['second user', 'late user', 'second null'])
})
