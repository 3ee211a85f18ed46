import { describe, expect, test } from 'vitest'
import { registerWithTotp } from './support/authenticator.ts'
import { hasBrowser, useBrowser } from './support/browser.ts'
import { useAuthServer, useExample } from './support/examples.ts'
import { freePort } from './support/process.ts'

const PORT = await freePort()

describe.skipIf(!hasBrowser)('the back office', () => {
  const auth = useAuthServer({ ALLOWED_ORIGINS: `http://localhost:${PORT}`, ACCESS_TOKEN_SECONDS: '900' })
  const office = useExample('admin', () => ({ BUN_PUBLIC_AUTH_URL: auth.url }), PORT)
  const browser = useBrowser()

  test('an administrator finds a user, ends a session, disables it and gives it a role, after a step-up', async () => {
    const admin = await registerWithTotp(auth, 'REST', 'COOKIE')
    const other = await auth.registerUser()
    const lost = auth.client()
    await lost.login(other.input)
    await auth.sql`update users set roles = '{admin}' where email = ${admin.email}`
    const context = await browser.newContext()
    const page = await context.newPage()
    page.setDefaultTimeout(60_000)
    await page.goto(office.url)
    await page.getByLabel('E-mail').fill(admin.email)
    await page.getByLabel('Password').fill(admin.password)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByLabel('Code').fill(admin.authenticator.code())
    await page.getByRole('button', { name: 'Continue' }).click()

    await page.getByLabel('begins with').fill(other.email)
    await page.getByRole('button', { name: other.email }).click()
    const account = page.getByRole('region', { name: other.email })
    await account.getByRole('button', { name: 'End', exact: true }).first().click()
    await account.getByText(/^Enabled, 1 sessions/).waitFor()
    expect((await lost.me()).reason).toBe('REVOKED')
    expect((await other.client.me()).code).toBeUndefined()
    await account.getByRole('button', { name: 'Disable' }).click()
    await account.getByText(/^Disabled, 0 sessions/).waitFor()
    expect((await other.client.me()).reason).toBe('REVOKED')
    await account.getByRole('button', { name: 'Enable' }).click()
    await account.getByText(/^Enabled/).waitFor()
    await account.getByLabel('admin').click()
    await account.locator('#events').getByText('roles_changed +admin').waitFor()
    await other.client.login(other.input)
    await auth.forgetProofs()
    await account.getByRole('button', { name: 'Sign out everywhere' }).click()
    await page
      .getByRole('dialog')
      .getByLabel(/code/i)
      .fill(admin.recoveryCodes[0] ?? '')
    await page.getByRole('dialog').getByRole('button', { name: 'Continue' }).click()
    await expect.poll(async () => (await other.client.me()).reason).toBe('REVOKED')
  })
})
