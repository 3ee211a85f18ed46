import { networkInterfaces } from 'node:os'
import type { Page } from 'playwright-core'
import { expect, test, vi } from 'vitest'
import { createAuthenticator } from './support/authenticator.ts'
import {
  filesOf,
  inBrowser,
  openPage,
  overflowOf,
  PHONE,
  startDevelopment,
  useBrowser,
  useDevelopment,
} from './support/browser.ts'
import { runCommand } from './support/process.ts'
import { startServer } from './support/server.ts'

const development = useDevelopment()
const browser = useBrowser()

test('GraphiQL is not served in production', async () => {
  const { fetch } = await startServer()

  expect((await fetch('/graphql', { headers: { accept: 'text/html' } })).status).toBe(405)
})

test('an Accept header of more than 1000 characters is not searched for HTML', async () => {
  const { fetch } = await startServer({ NODE_ENV: 'development', GRAPHIQL: 'true' })
  const accept = `${'image/png, '.repeat(100)}text/html`

  const { headers } = await fetch('/graphql?query={me{id}}', { headers: { accept } })

  expect(headers.get('content-type')).toContain('json')
})

test('the files of GraphiQL are compressed, and browsers keep them', async () => {
  const { origin } = development
  const page = await fetch(`${origin}/graphql`)
  const files = await filesOf(`${origin}/graphql`)

  expect(page.headers.get('cache-control')).toBe('no-cache')
  expect((await page.text()).length).toBeLessThan(2000)
  expect(files).toHaveLength(8)
  for (const { headers, sizes } of files) {
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(headers.get('vary')).toContain('Accept-Encoding')
    expect(headers.get('content-encoding')).toBe('gzip')
    expect(sizes[1]).toBeLessThan(0.6 * sizes[0])
  }
  expect((await fetch(`${origin}/graphql/script-0000000000000000.js`)).status).toBe(404)
})

inBrowser('the tour of GraphiQL can be played twice and after a reload, without other origins', async () => {
  const { origin, output } = development
  const { page, faults } = await openPage(browser, origin)
  await page.goto(`${origin}/graphql`)

  const first = await playTour(page, output)
  const second = await playTour(page, output, playFactors)
  await play(page, 'Register')
  const tabs = await page.locator('.graphiql-tab').count()
  await page.reload()
  const third = await playTour(page, output)

  expect(second).toBe(first)
  expect(third).not.toBe(first)
  expect(await page.locator('.graphiql-tab').count()).toBe(tabs)
  await page.getByRole('link', { name: 'New tour' }).click()
  await page.waitForURL(`${origin}/graphql`)
  expect(await play(page, 'Register')).toMatchObject({ register: { user: { username: 'Ada' } } })
  expect(faults).toEqual([])
})

inBrowser('the tour of administration makes a newcomer the first administrator', async () => {
  const { origin, output, env } = await startDevelopment()
  const { page, faults } = await openPage(browser, origin)
  await page.goto(`${origin}/graphql`)
  await page.getByRole('link', { name: 'Administration' }).click()
  await page.waitForURL(`${origin}/graphql`)

  const { email } = (await play(page, 'Register')).register.user
  const { beginTotp } = await play(page, 'BeginTotp')
  const app = createAuthenticator(beginTotp.secret)
  await playWith(page, 'ConfirmTotp', { input: { id: beginTotp.id, code: app.code() } })
  await openTab(page, 'Me')
  const shown = (await page.locator('.graphiql-query-editor').textContent())?.replaceAll('\u00a0', ' ')
  const [, command = ''] = /bun run servauth (user grant \S+ admin)/.exec(shown ?? '') ?? []
  expect(command).toContain(email)
  expect((await runCommand(command, { env })).code).toBe(0)
  expect(await play(page, 'Me')).toEqual({ me: { email, roles: ['admin'] } })
  expect(await play(page, 'Users')).toMatchObject({ users: { edges: [{ node: { hasSecondFactor: true } }] } })
  expect(await play(page, 'PutRole')).toMatchObject({ putRole: { name: 'support' } })
  const { id, email: invited } = (await play(page, 'InviteUser')).inviteUser
  const acceptance = {
    token: await tokenOf(output, invited, 'accept-invitation'),
    password: 'a long enough phrase',
  }
  const acts = [
    await playWith(page, 'AcceptInvitation', { input: acceptance }),
    await playWith(page, 'SetUserRoles', { input: { id, roles: [] } }),
    await playWith(page, 'SetUserClaims', { input: { id, claims: { plan: 'pro' } } }),
    await playWith(page, 'DisableUser', { id }),
    await playWith(page, 'EnableUser', { id }),
    await playWith(page, 'User', { id }),
  ]
  expect(acts).toMatchObject([
    { acceptInvitation: true },
    { setUserRoles: { roles: [] } },
    { setUserClaims: { claims: { plan: 'pro' } } },
    { disableUser: { email: invited, disabledAt: expect.any(String) } },
    { enableUser: { disabledAt: null } },
    { user: { email: invited, claims: { plan: 'pro' } } },
  ])
  const { auditEvents } = await play(page, 'AuditEvents')
  expect(auditEvents.edges[0].node).toMatchObject({ kind: 'account_enabled', userId: id })
  expect((await play(page, 'Mails')).mails.edges[0].node).toMatchObject({
    kind: 'invitation',
    recipient: invited,
  })
  expect(await play(page, 'CreateServiceKey')).toMatchObject({
    createServiceKey: { key: expect.any(String) },
  })
  expect(await playWith(page, 'DeleteUser', { id })).toEqual({ deleteUser: true })
  expect(await play(page, 'Logout')).toEqual({ logout: true })
  expect(faults).toEqual([])
})

inBrowser('GraphiQL works at an address of the local network', async () => {
  const { env } = development
  const origin = `http://${findLanAddress()}:${env.PORT}`
  const { page, faults } = await openPage(browser, origin)

  await page.goto(`${origin}/graphql`)

  expect(await play(page, 'Register')).toMatchObject({ register: { user: { username: 'Ada' } } })
  expect(await play(page, 'Refresh')).toMatchObject({ refresh: { user: { username: 'Ada' } } })
  // Chromium says that it ignores this header without https.
  expect(faults.filter((fault) => !fault.includes('Cross-Origin-Opener-Policy'))).toEqual([])
})

inBrowser('GraphiQL is usable on a phone', async () => {
  const { origin } = development
  const { page } = await openPage(browser, origin, PHONE)
  await page.goto(`${origin}/graphql`)

  const { register } = await play(page, 'Register')

  const answer = page.getByText(register.user.email)
  await answer.last().waitFor()
  const [editor, result] = await Promise.all([
    page.locator('.graphiql-query-editor').boundingBox(),
    page.locator('.result-window').boundingBox(),
  ])
  expect(await overflowOf(page)).toBe(0)
  expect(editor?.width).toBeGreaterThan(350)
  expect(result?.width).toBeGreaterThan(350)
  expect(result?.y).toBeGreaterThan((editor?.y ?? 0) + (editor?.height ?? 0))
})

/** Plays all tabs from left to right, with the tokens of the mails, and returns the address of the account. */
async function playTour(page: Page, output: () => string, beforeDeletion?: (page: Page) => Promise<void>) {
  const before = output().length
  const log = () => output().slice(before)
  const grant = { user: { username: 'Ada' }, accessToken: expect.any(String) }
  const registered = await play(page, 'Register')
  const { email } = registered.register.user
  expect(registered).toMatchObject({ register: grant })
  expect(await play(page, 'Me')).toMatchObject({ me: { email, emailVerified: false } })
  const verification = { token: await tokenOf(log, email, 'verify-email') }
  expect(await playWith(page, 'VerifyEmail', { input: verification })).toEqual({ verifyEmail: true })
  expect(await play(page, 'Refresh')).toMatchObject({ refresh: grant })
  expect(await play(page, 'Sessions')).toMatchObject({ sessions: [{ current: true }] })
  expect(await play(page, 'Events')).toMatchObject({ events: expect.arrayContaining([expect.anything()]) })
  expect(await play(page, 'Logout')).toEqual({ logout: true })
  expect(await play(page, 'RequestPasswordReset')).toEqual({ requestPasswordReset: true })
  const reset = { token: await tokenOf(log, email, 'reset-password'), newPassword: 'a long enough phrase' }
  expect(await playWith(page, 'ResetPassword', { input: reset })).toEqual({ resetPassword: true })
  expect(await play(page, 'Login')).toMatchObject({ login: grant })
  expect(await play(page, 'ChangePassword')).toMatchObject({ changePassword: grant })
  await beforeDeletion?.(page)
  expect(await play(page, 'DeleteMe')).toEqual({ deleteMe: true })
  return email
}

/** Adds an authenticator app, and signs in again with a recovery code. */
async function playFactors(page: Page) {
  const { beginTotp } = await play(page, 'BeginTotp')
  const first = { id: beginTotp.id, code: createAuthenticator(beginTotp.secret).code() }
  const { confirmTotp } = await playWith(page, 'ConfirmTotp', { input: first })
  expect(await play(page, 'Factors')).toMatchObject({ factors: [{ kind: 'TOTP' }], passkeys: [] })
  await openTab(page, 'LoginAgain')
  const { errors } = await execute(page, 'LoginAgain')
  const { code, challenge } = errors[0].extensions
  expect(code).toBe('SECOND_FACTOR_REQUIRED')
  const proof = { challenge: challenge.id, proof: { recoveryCode: confirmTotp.codes[0] } }
  expect(await playWith(page, 'CompleteLogin', { input: proof })).toMatchObject({
    completeLogin: { user: { username: 'Ada' } },
  })
  const { beginPasskeyLogin } = await play(page, 'BeginPasskeyLogin')
  expect(beginPasskeyLogin.options).toMatchObject({ rpId: 'localhost', userVerification: 'required' })
}

/** Opens a tab with the mouse, presses play and gives what the server answered. */
async function play(page: Page, name: string) {
  await openTab(page, name)
  return (await execute(page, name)).data
}

/** Presses play in the tab that is open. */
async function execute(page: Page, name: string) {
  const [response] = await Promise.all([
    page.waitForResponse((response) => response.request().postDataJSON()?.operationName === name),
    page.getByRole('button', { name: 'Execute query' }).click(),
  ])
  const { query } = response.request().postDataJSON()
  expect(query).not.toContain('phrase')
  return response.json()
}

async function openTab(page: Page, name: string) {
  await page
    .getByRole('tab', { name, exact: true })
    .or(page.getByTitle(name, { exact: true }))
    .first()
    .click()
  // GraphiQL takes a moment to see which operation a tab holds, and then writes it into the address.
  await page.waitForURL(({ search }) => new RegExp(`\\+${name}\\b`).test(search))
}

/** Replaces the variables of a tab and presses play, until GraphiQL has sent what was typed. */
async function playWith(page: Page, name: string, variables: object) {
  await openTab(page, name)
  const editor = page.getByLabel('Variables').locator('.monaco-editor').first()
  const text = JSON.stringify(variables)
  const work = async () => {
    await editor.click()
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.insertText(text)
    // The brackets and quotes that the editor closes by itself.
    await page.keyboard.press('ControlOrMeta+Shift+End')
    await page.keyboard.press('Delete')
    const shown = await editor.locator('.view-lines').textContent()
    expect(shown?.replaceAll('\u00a0', ' ')).toBe(text)
    const { data, errors } = await execute(page, name)
    expect(errors).toBeUndefined()
    return data
  }
  return vi.waitFor(work, { timeout: 180_000 })
}

/** The token of the first mail to this address with a link to `page`, once it is in the log of the server. */
async function tokenOf(log: () => string, email: string, page: string) {
  const find = () => {
    const mails = log().split('mail to ')
    const mail = mails.find((text) => text.startsWith(email) && text.includes(`/${page}#`))
    return /#token=([\w-]+)\s/.exec(mail ?? '')?.[1] ?? ''
  }
  await expect.poll(find).not.toBe('')
  return find()
}

/** An address of this machine that is not loopback; loopback if it has no other. */
function findLanAddress() {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}
