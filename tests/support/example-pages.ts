import type { BrowserContext, Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { registerWithTotp } from './authenticator.ts'
import { hasBrowser, overflowOf, PHONE, useBrowser } from './browser.ts'
import { account } from './client.ts'
import { untilExpired, useAuthServer, useExample } from './examples.ts'
import { freePort } from './process.ts'
import { pause } from './time.ts'

const PORT = await freePort()
const ALLOWED_ORIGINS = `http://localhost:${PORT}`

/** The promises of an example page, watched in a real browser and in the log of the real server. */
export function testPage(example: 'apollo' | 'urql') {
  describe.skipIf(!hasBrowser)(`the page with ${example}`, () => {
    const auth = useAuthServer({ ALLOWED_ORIGINS })
    const api = useExample('resource-server', () => ({ AUTH_URL: auth.url, ALLOWED_ORIGINS }))
    const settings = () => ({ BUN_PUBLIC_AUTH_URL: auth.url, BUN_PUBLIC_API_URL: api.url })
    const listed = useExample(example, settings, PORT)
    const unlisted = useExample(example, settings)
    const browser = useBrowser()

    async function newContext() {
      const context = await browser.newContext()
      await context.addInitScript({ content: WATCH_FOR_LOGIN_FORM })
      return context
    }

    /** A browser in which one user is signed in, in several tabs. */
    async function signUp(tabCount = 1) {
      const context = await newContext()
      const { email, password } = account()
      const first = await openTab(context, listed.url)
      await first.submit('Sign up', email, password)
      await first.untilShown(email)
      const tabs = [first]
      while (tabs.length < tabCount) {
        const tab = await openTab(context, listed.url)
        await tab.untilShown(email)
        tabs.push(tab)
      }
      for (const tab of tabs) await tab.forgetLoginForm()
      return { context, tabs, email, password, before: (await auth.refreshes()).length }
    }

    /** The cookie of the session. The device cookie beside it authenticates nothing. */
    const cookieOf = async (context: BrowserContext) => {
      const cookies = await context.cookies(auth.url)
      const cookie = cookies.find(({ name }) => name === 'servauth')
      return { ...cookie, header: `${cookie?.name}=${cookie?.value}` }
    }

    const postRefresh = (cookie: string) =>
      fetch(`${auth.url}/auth/refresh`, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/json' },
      })

    test('a user signs up, reloads the page, signs out and signs in again', async () => {
      const { context, tabs, email, password } = await signUp()
      const [tab] = tabs as [Tab]

      expect(await tab.page.locator('#sessions li').allTextContents()).toEqual([
        expect.stringMatching(/^this one/),
      ])
      expect(await tab.page.locator('#orders li').count()).toBe(3)
      expect(await cookieOf(context)).toMatchObject({ httpOnly: true, sameSite: 'Lax' })
      expect(await tab.page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')).toBe(
        '[{},{}]',
      )

      await tab.page.reload()
      await tab.untilShown(email)
      expect(await tab.sawLoginForm()).toBe(false)

      await tab.click('Sign out')
      await tab.untilLoginForm()
      expect((await cookieOf(context)).value).toBeUndefined()
      await tab.submit('Sign in', email, 'not the password')
      await tab.untilAlert(/code is wrong/)
      await tab.submit('Sign in', email, password)
      await tab.untilShown(email)
    })

    test('a refused sign-up shows each error beside its field, on a phone too', async () => {
      const context = await browser.newContext(PHONE)
      const { page, submit, untilShown } = await openTab(context, listed.url)
      const { email, password } = account()

      await submit('Sign up', 'ada@example', 'short')

      const field = page.getByLabel('E-mail')
      await expect.poll(() => field.getAttribute('aria-invalid')).toBe('true')
      expect(await field.evaluate((input) => input === input.ownerDocument.activeElement)).toBe(true)
      expect(await page.locator('#email-error').textContent()).toMatch(/domain after the @/)
      expect(await page.locator('#password-error').textContent()).toMatch(/at least/)
      expect(await page.getByRole('alert').textContent()).toBe('')
      await submit('Sign up', email, password)
      await untilShown(email)
      expect(await overflowOf(page)).toBe(0)
    })

    test('an account with a second factor signs in with a code', async () => {
      const { email, password, authenticator } = await registerWithTotp(auth)
      const { page, submit, untilShown, untilAlert } = await openTab(await newContext(), listed.url)

      await submit('Sign in', email, password)
      await page.getByLabel('Code').fill(authenticator.wrongCode())
      await page.getByRole('button', { name: 'Continue' }).click()
      await untilAlert(/code is wrong/)
      await page.getByLabel('Code').fill(authenticator.code())
      await page.getByRole('button', { name: 'Continue' }).click()

      await untilShown(email)
      expect(await page.locator('form').filter({ visible: true }).count()).toBe(0)
    })

    test('two tabs with an expired token and three requests each share one refresh', async () => {
      const { context, tabs, before } = await signUp(2)
      // Long enough that each tab sends its request during the refresh.
      await context.route('**/auth/refresh', async (route) => {
        await pause(700)
        await route.continue()
      })
      await untilExpired()

      await Promise.all(tabs.map((tab) => tab.reloadAccount()))

      expect((await auth.refreshes()).slice(before)).toEqual(['OK'])
      for (const tab of tabs) expect(await tab.sawLoginForm()).toBe(false)
    })

    test('a server restart and a lost reply sign no tab out', async () => {
      const { context, tabs, email, before } = await signUp(2)
      const [first, second] = tabs as [Tab, Tab]
      await untilExpired()
      await auth.stop()
      for (const tab of tabs) await tab.click('Reload')
      await first.untilAlert(/./)
      const opening = openTab(context, listed.url)

      await auth.start()

      const third = await opening
      await third.untilShown(email)
      expect((await auth.refreshes()).slice(before)).toEqual(['OK'])
      await first.reloadAccount()
      await second.reloadAccount()

      await auth.untilGraceIsOver()
      await untilExpired()
      const beforeLoss = (await auth.refreshes()).length
      const { header: cookie } = await cookieOf(context)
      await context.route(
        '**/auth/refresh',
        async (route) => {
          await postRefresh(cookie)
          await route.abort('connectionreset')
        },
        { times: 1 },
      )
      await Promise.all(tabs.map((tab) => tab.reloadAccount()))

      expect((await cookieOf(context)).header).not.toBe(cookie)
      expect((await auth.refreshes()).slice(beforeLoss)).toEqual(['OK', 'OK'])
      for (const tab of [first, second, third]) expect(await tab.sawLoginForm()).toBe(false)
    })

    test('a sign-out and a sign-in in one tab reach the other tab', async () => {
      const { tabs, email, password } = await signUp(2)
      const [first, second] = tabs as [Tab, Tab]

      await first.click('Sign out')
      await second.untilLoginForm()
      await second.submit('Sign in', email, password)

      await first.untilShown(email)
    })

    test('nothing of a user is shown to the next, whose account cannot be read', async () => {
      const { tabs, email } = await signUp(2)
      const [first, second] = tabs as [Tab, Tab]
      const other = account()
      await first.page.route(`${api.url}/**`, async (route) => {
        await pause(1000)
        await route.abort().catch(() => {})
      })

      await first.click('Reload')
      await first.click('Add a passkey')
      await second.click('Sign out')
      await second.untilLoginForm()
      await second.submit('Sign up', other.email, other.password)
      await second.untilShown(other.email)

      await first.page.getByText('Signed in as').waitFor()
      expect(await first.page.locator('dialog').count()).toBe(0)
      expect(await first.page.locator('main').textContent()).not.toContain(email)
      await first.untilAlert(/No answer/)
      expect(await first.page.locator('main').textContent()).not.toContain(email)
      expect(await first.page.locator('#orders li').count()).toBe(0)
    })

    test('requests sent with the cookie of an earlier session are repeated after one refresh', async () => {
      const { context, tabs, email, password } = await signUp(2)
      const [first, second] = tabs as [Tab, Tab]
      const { header: former } = await cookieOf(context)
      await second.click('Sign out')
      await second.untilLoginForm()
      await second.submit('Sign in', email, password)
      await first.untilShown(email)
      // The page has its answers after the sign-in, and what its form has asked for.
      await first.page.waitForLoadState('networkidle')
      await first.forgetLoginForm()
      const before = (await auth.refreshes()).length
      const asked: string[] = []
      // The first request of each operation is sent with the earlier cookie.
      await first.page.route('**/graphql', async (route) => {
        const request = route.request()
        const { operationName } = request.postDataJSON()
        if (!/^(Me|Sessions)$/.test(operationName)) return route.continue()
        const isRepeated = asked.includes(operationName)
        asked.push(operationName)
        if (isRepeated) return route.continue()
        const headers = { ...(await request.allHeaders()), cookie: former }
        const answer = await fetch(request.url(), { method: 'POST', headers, body: request.postData() })
        return route.fulfill({
          status: answer.status,
          headers: Object.fromEntries(answer.headers),
          body: await answer.text(),
        })
      })

      await first.reloadAccount()

      await expect.poll(() => asked.toSorted()).toEqual(['Me', 'Me', 'Sessions', 'Sessions'])
      expect((await auth.refreshes()).slice(before)).toEqual(['OK'])
      expect(await first.sawLoginForm()).toBe(false)
    })

    test('a session that another device ends leads to the login form in every tab', async () => {
      const { tabs, email, password } = await signUp(2)
      const [first, second] = tabs as [Tab, Tab]
      const elsewhere = await openTab(await newContext(), listed.url)
      await elsewhere.submit('Sign in', email, password)
      await elsewhere.untilShown(email)
      await elsewhere.click('Sign out everywhere else')
      await expect.poll(() => elsewhere.page.locator('#sessions li').count()).toBe(1)

      await first.click('Reload')

      await first.untilLoginForm()
      await second.untilLoginForm()
      await elsewhere.reloadAccount()
    })

    test('reuse after a theft leads to the login form, with one refresh for all tabs', async () => {
      const { context, tabs, before } = await signUp(2)
      const [first, second] = tabs as [Tab, Tab]
      await auth.untilGraceIsOver()
      // The thief refreshes twice, so that the cookie of the tabs is older than the predecessor.
      const stolen = await postRefresh((await cookieOf(context)).header)
      await auth.untilGraceIsOver()
      const [successor = ''] = stolen.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
      expect((await postRefresh(successor)).status).toBe(200)

      await first.click('Reload')

      await first.untilLoginForm()
      await second.untilLoginForm()
      for (const tab of tabs) await tab.untilAlert(/used before/)
      expect((await auth.refreshes()).slice(before)).toEqual(['OK', 'OK', 'REFRESH_REUSED'])
    })

    test('while the server is down, the tab retries one refresh and shows no login form', async () => {
      const { tabs } = await signUp()
      const [tab] = tabs as [Tab]
      await untilExpired()
      await auth.stop()
      let failed = 0
      tab.page.on('requestfailed', (request) => {
        if (request.url().endsWith('/auth/refresh')) failed++
      })

      await tab.click('Reload')
      await expect.poll(() => failed).toBe(5)
      await pause(2000)

      expect(failed).toBe(5)
      expect(await tab.sawLoginForm()).toBe(false)
      await auth.start()
      await tab.reloadAccount()
    })

    test('a page of an unlisted origin gets nothing and leaves the session unchanged', async () => {
      const { context, tabs, before } = await signUp()
      const { header } = await cookieOf(context)
      await auth.untilGraceIsOver()

      const page = await openTab(context, unlisted.url)
      await expect.poll(async () => (await auth.refreshes()).slice(before)).toContain('FORBIDDEN_ORIGIN')

      expect(await page.page.locator('form, main').filter({ visible: true }).count()).toBe(0)
      expect((await cookieOf(context)).header).toBe(header)
      await tabs[0]?.reloadAccount()
    })
  })
}

/** Records from the first moment on whether the page showed a login form. */
const WATCH_FOR_LOGIN_FORM = `
  new MutationObserver(() => {
    const form = document.querySelector('form')
    if (form && !form.hidden) window.sawLoginForm = true
  }).observe(document, { subtree: true, childList: true, attributes: true })`

export type Tab = Awaited<ReturnType<typeof openTab>>

export async function openTab(context: BrowserContext, url: string) {
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  await page.goto(url)
  return {
    page,
    click: (name: string) => page.getByRole('button', { name, exact: true }).click(),
    async submit(button: string, email: string, password: string) {
      await page.getByLabel('E-mail').fill(email)
      await page.getByLabel('Password').fill(password)
      await page.getByRole('button', { name: button, exact: true }).click()
    },
    /** Presses Reload and waits until everything is loaded. */
    async reloadAccount() {
      const answered = Promise.all([1, 2, 3].map((id) => untilAnswered(page, `/orders/${id}`)))
      await page.getByRole('button', { name: 'Reload' }).click()
      await answered
      await page.locator('main[aria-busy=false]').waitFor()
      expect(await page.getByRole('alert').textContent()).toBe('')
    },
    untilShown: (email: string) => page.locator('#me', { hasText: email }).waitFor(),
    untilLoginForm: () => page.getByRole('button', { name: 'Sign in' }).waitFor(),
    untilAlert: (hasText: RegExp) => page.getByRole('alert').filter({ hasText }).waitFor(),
    sawLoginForm: () => page.evaluate('window.sawLoginForm === true'),
    forgetLoginForm: () => page.evaluate('window.sawLoginForm = false'),
  }
}

const untilAnswered = (page: Page, path: string) =>
  page.waitForResponse((response) => response.url().endsWith(path) && response.status() === 200)
