import { execFileSync } from 'node:child_process'
import type { Page } from 'playwright-core'
import decodeQR from 'qr/decode.js'
import { describe, expect, test } from 'vitest'
import { hasBrowser, overflowOf, PHONE, useBrowser } from './browser.ts'
import { account } from './client.ts'
import { openTab, type Tab } from './example-pages.ts'
import { openAuthServer, useExample } from './examples.ts'
import { createMailbox } from './mailbox.ts'
import { addAuthenticator } from './passkeys.ts'
import { freePort } from './process.ts'
import { findProgram } from './programs.ts'
import { useResource } from './resource.ts'

const PORT = await freePort()
const ALLOWED_ORIGINS = `http://localhost:${PORT}`
const OATHTOOL = findProgram('oathtool')

/** The promises of the pages about second factors and passkeys, watched in a real browser on a phone. */
export function testFactorPages(example: 'apollo' | 'urql') {
  describe.skipIf(!hasBrowser || !OATHTOOL)(`second factors in the page with ${example}`, () => {
    const mailbox = useResource(createMailbox)
    const auth = useResource(() =>
      openAuthServer({ ALLOWED_ORIGINS, APP_URL: `${ALLOWED_ORIGINS}/account`, SMTP_URL: mailbox.url }),
    )
    const api = useExample('resource-server', () => ({ AUTH_URL: auth.url, ALLOWED_ORIGINS }))
    const settings = () => ({ BUN_PUBLIC_AUTH_URL: auth.url, BUN_PUBLIC_API_URL: api.url })
    const page = useExample(example, settings, PORT)
    const browser = useBrowser()

    async function openAccount() {
      const context = await browser.newContext(PHONE)
      return openTab(context, `${page.url}/account/`)
    }

    async function signUp() {
      const tab = await openAccount()
      const input = account()
      await tab.submit('Sign up', input.email, input.password)
      await tab.untilShown(input.email)
      return { tab, ...input }
    }

    /** Adds an app as a person does: the phone reads the QR code, another implementation of the standard gives the code. */
    async function addApp({ page, click }: Tab) {
      await click('Add an authenticator app')
      const key = new URL(await readQrCode(page)).searchParams.get('secret') ?? ''
      expect(await overflowOf(page)).toBe(0)
      const codeOf = (when: string) =>
        execFileSync(OATHTOOL, ['--totp', '--base32', '--now', when, key], { encoding: 'utf8' }).trim()
      await page.getByLabel('The six digits').fill(codeOf('now - 30 seconds'))
      await click('Add the app')
      const codes = page.locator('#codes li')
      await codes.first().waitFor()
      const recoveryCodes = await codes.allTextContents()
      expect(await overflowOf(page)).toBe(0)
      await click('I have saved them')
      await page.locator('#apps li').waitFor()
      return { codeOf, recoveryCodes }
    }

    async function signOut({ click, untilLoginForm }: Tab) {
      await click('Sign out')
      await untilLoginForm()
    }

    /** Follows the link of a mail in another browser. */
    async function openLink(to: string, subject: RegExp) {
      const { text } = await mailbox.mail(to, subject)
      const context = await browser.newContext(PHONE)
      return openTab(context, /http\S+/.exec(text)?.[0] ?? '')
    }

    const untilStatus = ({ page }: Tab, hasText: RegExp) =>
      page.getByRole('status').filter({ hasText }).waitFor()

    test('an app is added by its QR code, and its codes and a recovery code complete sign-ins', async () => {
      const { tab, email, password } = await signUp()

      const { codeOf, recoveryCodes } = await addApp(tab)
      for (const code of [codeOf('now'), recoveryCodes[0] ?? '']) {
        await signOut(tab)
        await tab.submit('Sign in', email, password)
        await tab.page.getByLabel('Code').fill(code)
        await tab.click('Continue')
        await tab.untilShown(email)
      }

      expect(recoveryCodes).toHaveLength(10)
      expect(await overflowOf(tab.page)).toBe(0)
    })

    test('a wrong code is refused in the dialog, which keeps the focus', async () => {
      const { tab } = await signUp()
      const { page } = tab

      await tab.click('Add an authenticator app')
      const input = page.getByLabel('The six digits')
      await input.fill('12345')
      await tab.click('Add the app')

      await expect.poll(() => input.getAttribute('aria-invalid')).toBe('true')
      expect(await page.locator('#app-code-error').textContent()).toMatch(/six digits/)
      expect(await input.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true)
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    })

    test('the browser offers a passkey in the field of the address, and forgets it after its removal', async () => {
      const { tab, email, password } = await signUp()
      const { page, click, untilShown } = tab
      const device = await addAuthenticator(page)
      await click('Add a passkey')
      await page.getByRole('textbox', { name: 'Name' }).fill('My phone')
      await click('Create the passkey')
      await click('I have saved them')
      await page.locator('#passkeys li', { hasText: 'My phone' }).waitFor()

      // This user chooses what the field offers as soon as it is shown, and presses no button.
      const signedIn = page.waitForResponse((response) => response.url().endsWith('/auth/login/passkey'))
      await click('Sign out')
      expect((await signedIn).status()).toBe(200)
      await untilShown(email)
      expect(await page.getByLabel('E-mail').getAttribute('autocomplete')).toBe('username webauthn')

      await device.setPresent(false)
      await signOut(tab)
      await tab.submit('Sign in', email, password)
      const button = page.locator('#code-form').getByRole('button', { name: 'Use a passkey' })
      await button.waitFor()
      await device.setPresent(true)
      await button.click()
      await untilShown(email)

      await click('Rename My phone')
      await page.getByRole('textbox', { name: 'Name' }).fill('Old phone')
      await click('Save')
      await page.locator('#passkeys li', { hasText: 'Old phone' }).waitFor()
      expect(await device.count()).toBe(1)
      await click('Remove Old phone')
      await click('Remove')
      await expect.poll(() => page.locator('#passkeys li').count()).toBe(0)
      await expect.poll(() => device.count()).toBe(0)
    })

    test('a change after a long time asks for a proof: the password, then a factor', async () => {
      const { tab, password } = await signUp()
      const { page, click } = tab
      await auth.forgetProofs()

      await click('Add an authenticator app')
      await page.getByLabel('Your password').fill('not the password')
      await click('Continue')
      await page.getByRole('dialog').getByRole('alert').filter({ hasText: /wrong/ }).waitFor()
      await page.getByLabel('Your password').fill(password)
      await click('Continue')
      await page.locator('#qr').waitFor()
      await click('Cancel')
      const { codeOf } = await addApp(tab)
      await auth.forgetProofs()
      await click('Get new recovery codes')
      await page.getByLabel('A code of your app').fill(codeOf('now'))
      await click('Continue')

      await expect.poll(() => page.locator('#codes li').count()).toBe(10)
    })

    test('a user who has lost all factors gets a link after the wait, and signs in without them', async () => {
      const { tab, email, password } = await signUp()
      await addApp(tab)
      await signOut(tab)
      await tab.submit('Sign in', email, password)
      await tab.click('I have none of them any more')
      await tab.click('Send me the link')
      await untilStatus(tab, /link by mail on/)
      await auth.passRecoveryWait()

      const linked = await openLink(email, /without your second factors/)
      await linked.submit('Remove them and sign in', email, password)

      await untilStatus(linked, /signed in/)
      await linked.page.getByRole('link', { name: 'To your account' }).click()
      await linked.untilShown(email)
      expect(await linked.page.locator('#apps li').count()).toBe(0)
    })

    test('the link of a notice brings a removed factor back', async () => {
      const { tab, email } = await signUp()
      const { token } = await mailbox.mail(email, /Verify/)
      await tab.page.goto(`${page.url}/verify-email#token=${token}`)
      await tab.click('Confirm')
      await untilStatus(tab, /confirmed/)
      await tab.page.goto(`${page.url}/account/`)
      await addApp(tab)
      await tab.page.getByRole('button', { name: /^Remove the app/ }).click()
      await tab.click('Remove')
      await expect.poll(() => tab.page.locator('#apps li').count()).toBe(0)

      const linked = await openLink(email, /removed/)
      await linked.click('Bring it back')

      await untilStatus(linked, /is back/)
      await tab.click('Reload')
      await tab.untilLoginForm()
    })
  })
}

/** Reads the QR code from the pixels that the page shows. */
async function readQrCode(page: Page) {
  await page.locator('#qr svg').waitFor()
  const size = 300
  const pixels = await page.evaluate<string>(`(async () => {
    const svg = document.querySelector('#qr svg').outerHTML
    const image = new Image(${size}, ${size})
    image.src = 'data:image/svg+xml,' + encodeURIComponent(svg)
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), { width: ${size}, height: ${size} })
    const context = canvas.getContext('2d')
    context.fillStyle = '#fff'
    context.fillRect(0, 0, ${size}, ${size})
    context.drawImage(image, 10, 10, ${size} - 20, ${size} - 20)
    const { data } = context.getImageData(0, 0, ${size}, ${size})
    return data.reduce((text, value, index) => (index % 4 === 0 ? text + (value > 127 ? 'w' : 'b') : text), '')
  })()`)
  return decodeQR({ width: size, height: size, data: Uint8Array.from([...pixels].flatMap(toPixel)) })
}

const toPixel = (color: string) => (color === 'w' ? [255, 255, 255, 255] : [0, 0, 0, 255])
