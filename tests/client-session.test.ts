import { join } from 'node:path'
import { expect } from 'vitest'
import { ROOT } from '../src/root.ts'
import { inBrowser, useBrowser } from './support/browser.ts'
import { account } from './support/client.ts'
import { useAuthServer } from './support/examples.ts'
import { buildModule, openModulePage } from './support/module-page.ts'
import { freePort } from './support/process.ts'
import { pause } from './support/time.ts'

const SESSION = join(ROOT, 'packages/client/src/session.ts')

const PORT = await freePort()
const browser = useBrowser()
const auth = useAuthServer({ ALLOWED_ORIGINS: `http://localhost:${PORT}` })

inBrowser('a watcher hears of the user once it is known, and nothing after it was ended', async () => {
  const page = await openModulePage(browser, await buildModule(SESSION), PORT)

  // As React does in StrictMode: the effect runs, is undone, and runs again.
  const heard = await page.evaluate(`(async () => {
    const { createSession } = await import('/module.js')
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

inBrowser('a sign-up that a busy server answers after five seconds succeeds', async () => {
  const page = await openModulePage(browser, await buildModule(SESSION), PORT)
  const person = account()
  await page.route('**/auth/register', async (route) => {
    const response = await route.fetch()
    await pause(5000)
    await route.fulfill({ response })
  })

  const email = await page.evaluate(`(async () => {
    const { createSession } = await import('/module.js')
    const { user } = await createSession('${auth.url}').signUp(${JSON.stringify(person)})
    return user.email
  })()`)

  expect(email).toBe(person.email)
})
