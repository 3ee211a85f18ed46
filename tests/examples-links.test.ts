import type { BrowserContext } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { registerWithTotp } from './support/authenticator.ts'
import { hasBrowser, useBrowser } from './support/browser.ts'
import { account, createClient } from './support/client.ts'
import { openTab, type Tab } from './support/example-pages.ts'
import { openAuthServer, useExample } from './support/examples.ts'
import { createMailbox } from './support/mailbox.ts'
import { freePort } from './support/process.ts'
import { useResource } from './support/resource.ts'

const PORT = await freePort()
const ALLOWED_ORIGINS = `http://localhost:${PORT}`

// The pages are the same in all examples, so they are watched in one, in a real browser and with real mails.
describe.skipIf(!hasBrowser)('the pages of mailed links', () => {
  const mailbox = useResource(createMailbox)
  const auth = useResource(() =>
    openAuthServer({
      ALLOWED_ORIGINS,
      APP_URL: `${ALLOWED_ORIGINS}/account`,
      SMTP_URL: mailbox.url,
      // Clients outside the browser name a network of their own.
      TRUSTED_PROXIES: '127.0.0.1,::1',
    }),
  )
  const api = useExample('resource-server', () => ({ AUTH_URL: auth.url, ALLOWED_ORIGINS }))
  const page = useExample(
    'apollo',
    () => ({ BUN_PUBLIC_AUTH_URL: auth.url, BUN_PUBLIC_API_URL: api.url }),
    PORT,
  )
  const browser = useBrowser()

  /** A client outside the browser, on a network of its own. */
  const client = (network: string) =>
    createClient((path, init) => fetch(`${auth.url}${path}`, init), 'REST', 'COOKIE', network)

  /** A browser in which a user has just signed up. */
  async function signUp() {
    const context = await browser.newContext()
    const { email, password } = account()
    const tab = await openTab(context, `${page.url}/account/`)
    await tab.submit('Sign up', email, password)
    await tab.untilShown(email)
    return { context, tab, email, password }
  }

  /** The owner of a verified address, and a taker who has signed in with the password. */
  async function withTaker() {
    const [owner, taker] = [client('10.0.0.1'), client('10.0.0.2')]
    const { email, password } = account()
    await owner.register({ email, password })
    const { token } = await mailbox.mail(email, /Verify/)
    await owner.call('verifyEmail', { token })
    await taker.login({ email, password })
    return { owner, taker, email, password }
  }

  /** Follows the link of a mail in a browser. The token must not stay in the address bar. */
  async function openLink(context: BrowserContext, to: string, subject: RegExp) {
    const { text, token } = await mailbox.mail(to, subject)
    const tab = await openTab(context, /http\S+/.exec(text)?.[0] ?? '')
    expect(token).not.toBe('')
    await expect.poll(() => tab.page.url()).not.toContain(token)
    return tab
  }

  /** The page of a link leads to the page of the account. */
  async function signInAfterwards({ page, submit, untilShown }: Tab, email: string, password: string) {
    await page.getByRole('link', { name: 'To your account' }).click()
    await submit('Sign in', email, password)
    await untilShown(email)
  }

  const untilDone = ({ page }: Tab, hasText: RegExp) => page.getByRole('status').filter({ hasText }).waitFor()

  const sessionCookieOf = async (context: BrowserContext) => {
    const cookie = (await context.cookies(auth.url)).find(({ name }) => name === 'servauth')
    return `${cookie?.name}=${cookie?.value}`
  }

  test('the link in a mail verifies the address for a browser that is signed in', async () => {
    const { context, email, password } = await signUp()

    const tab = await openLink(context, email, /Verify/)
    await tab.click('Confirm')

    await untilDone(tab, /is confirmed/)
    const { data } = await client('10.0.0.1').login({ email, password })
    expect(data?.user.emailVerified).toBe(true)
  })

  test('in another browser the link asks for the password, and stays valid until that is right', async () => {
    const { email, password } = await signUp()
    const tab = await openLink(await browser.newContext(), email, /Verify/)

    await tab.click('Confirm')
    await tab.page.getByLabel('Password').fill('not the password')
    await tab.click('Confirm')
    await tab.untilAlert(/code is wrong/)
    await tab.page.getByLabel('Password').fill(password)
    await tab.click('Confirm')

    await untilDone(tab, /is confirmed/)
    await signInAfterwards(tab, email, password)
  })

  test('the owner of the mailbox takes over an account that a stranger created', async () => {
    const { email, password } = account()
    const stranger = client('10.0.0.3')
    await stranger.register({ email, password: 'the password of a stranger' })
    const tab = await openLink(await browser.newContext(), email, /Verify/)

    await tab.click('Confirm')
    await tab.page.getByRole('link', { name: 'Set a new password' }).click()
    await tab.page.getByLabel('New password').fill('short')
    await tab.click('Set the password')
    await tab.page.locator('#newPassword-error', { hasText: /at least/ }).waitFor()
    await tab.page.getByLabel('New password').fill(password)
    await tab.click('Set the password')

    await untilDone(tab, /new password is set/)
    expect((await stranger.me()).code).toBe('UNAUTHENTICATED')
    await signInAfterwards(tab, email, password)
  })

  test('a link sets a new password, once', async () => {
    const { email } = await signUp()
    await client('10.0.0.1').call('requestPasswordReset', { email })
    const context = await browser.newContext()
    const [tab, late] = [await openLink(context, email, /Reset/), await openLink(context, email, /Reset/)]

    await tab.page.getByLabel('New password').fill('a phrase of the owner')
    await tab.click('Set the password')
    await untilDone(tab, /new password is set/)
    await late.page.getByLabel('New password').fill('another phrase of the owner')
    await late.click('Set the password')

    await late.untilAlert(/not valid any more/)
    await signInAfterwards(tab, email, 'a phrase of the owner')
  })

  test('a new address takes effect in the browser that asked for it, which stays signed in', async () => {
    const { context, tab: accountTab, email, password } = await signUp()
    const { token } = await mailbox.mail(email, /Verify/)
    const cookie = await sessionCookieOf(context)
    const sameBrowser = client('127.0.0.1')
    await sameBrowser.call('verifyEmail', { token }, { cookie })
    const newEmail = account().email
    await sameBrowser.call('updateMe', { email: newEmail, currentPassword: password }, { cookie })

    const tab = await openLink(context, newEmail, /Confirm/)
    await tab.click('Confirm')
    await untilDone(tab, /is confirmed/)

    expect(await sessionCookieOf(context)).not.toBe(cookie)
    await accountTab.reloadAccount()
    await accountTab.untilShown(newEmail)
  })

  test('the owner cancels a change of address that a taker asked for', async () => {
    const { owner, taker, email, password } = await withTaker()
    await taker.updateMe({ email: account().email, currentPassword: password })

    const tab = await openLink(await browser.newContext(), email, /was requested/)
    await tab.click('Cancel the change')

    await untilDone(tab, /is cancelled/)
    expect((await owner.me()).data).toMatchObject({ email, pendingEmail: null })
  })

  test('the owner undoes a change of address, with a new password', async () => {
    const { taker, email, password } = await withTaker()
    const newEmail = account().email
    await taker.updateMe({ email: newEmail, currentPassword: password })
    const { token } = await mailbox.mail(newEmail, /Confirm/)
    await taker.call('verifyEmail', { token })

    const tab = await openLink(await browser.newContext(), email, /was changed/)
    await tab.page.getByLabel('New password').fill('a phrase of the owner')
    await tab.click('Take the address back')

    await untilDone(tab, /is back/)
    expect((await taker.me()).code).toBe('UNAUTHENTICATED')
    expect((await taker.login({ email, password })).code).toBe('INVALID_CREDENTIALS')
    await signInAfterwards(tab, email, 'a phrase of the owner')
  })

  test('the owner reports a sign-in, with a new password', async () => {
    const { taker, email, password } = await withTaker()

    const tab = await openLink(await browser.newContext(), email, /New sign-in/)
    await tab.page.getByLabel('New password').fill('a phrase of the owner')
    await tab.click('This was not me')

    await untilDone(tab, /session has ended/)
    expect((await taker.me()).code).toBe('UNAUTHENTICATED')
    expect((await taker.login({ email, password })).code).toBe('INVALID_CREDENTIALS')
    await signInAfterwards(tab, email, 'a phrase of the owner')
  })

  test('the owner accepts an invitation of an administrator with a first password', async () => {
    const admin = await registerWithTotp(auth, 'REST', 'COOKIE')
    await auth.sql`update users set roles = '{admin}' where email = ${admin.input.email}`
    const { email, password } = account()
    await expect.poll(async () => (await admin.client.call('inviteUser', { email })).code).toBeUndefined()

    const tab = await openLink(await browser.newContext(), email, /was created for you/)
    await tab.page.getByLabel('New password').fill(password)
    await tab.click('Set the password')

    await untilDone(tab, /password is set/)
    await signInAfterwards(tab, email, password)
  })

  test('a link without its token says so, and offers no button', async () => {
    const tab = await openTab(await browser.newContext(), `${page.url}/verify-email`)

    await tab.untilAlert(/not complete/)
    expect(await tab.page.getByRole('button').count()).toBe(0)
  })
})
