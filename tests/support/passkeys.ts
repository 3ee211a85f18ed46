import { decodeAttestationObject, parseAuthenticatorData } from '@simplewebauthn/server/helpers'
import type { CDPSession, Page } from 'playwright-core'
import { useBrowser } from './browser.ts'
import type { Client } from './client.ts'
import { ORIGIN } from './server.ts'

type Json = Record<string, unknown>

/** What another system would store of a new passkey. */
export function readCreated({ response }: Json) {
  const { attestationObject } = response as { attestationObject: string }
  const attestation = decodeAttestationObject(new Uint8Array(Buffer.from(attestationObject, 'base64url')))
  const { credentialID, credentialPublicKey, counter } = parseAuthenticatorData(attestation.get('authData'))
  if (!credentialID || !credentialPublicKey) throw new TypeError('The passkey has no key')
  return { id: Buffer.from(credentialID), publicKey: Buffer.from(credentialPublicKey), counter }
}

/** The options with which another system lets a browser create a passkey. */
export const foreignOptions = (userHandle: string, rpId = new URL(ORIGIN).hostname) => ({
  rp: { id: rpId, name: 'Shop' },
  user: { id: Buffer.from(userHandle).toString('base64url'), name: 'ada', displayName: 'Ada' },
  challenge: Buffer.alloc(32, 7).toString('base64url'),
  pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
  authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
})

/** A real browser with virtual authenticators, for the tests of a file. */
export function usePasskeyBrowser() {
  const browser = useBrowser()

  /** A device whose user always consents, and is verified by the device unless a test says otherwise. */
  return async function createDevice({ origin = ORIGIN, isVerified = true, isSynced = false } = {}) {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<p>A page</p>' }))
    await page.goto(origin)
    const { cdp, authenticatorId } = await addAuthenticator(page, { isVerified, isSynced })
    return createDeviceFunctions(page, cdp, authenticatorId)
  }
}

/** Gives the tab of a browser a device with passkeys. */
export async function addAuthenticator(page: Page, { isVerified = true, isSynced = false } = {}) {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: isVerified,
      automaticPresenceSimulation: true,
      defaultBackupEligibility: isSynced,
      defaultBackupState: isSynced,
    },
  })
  return {
    cdp,
    authenticatorId,
    /** How many passkeys the device has. */
    async count() {
      return (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length
    },
    /** Whether the user chooses a passkey as soon as a page asks for one. */
    async setPresent(enabled: boolean) {
      await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
    },
  }
}

function createDeviceFunctions(page: Page, cdp: CDPSession, authenticatorId: string) {
  /** Runs in the page, as a front end does it. */
  const run = (method: 'create' | 'get', parse: string, options: Json) =>
    page.evaluate<Json>(`(async () => {
      const publicKey = PublicKeyCredential.${parse}(${JSON.stringify(options)})
      return (await navigator.credentials.${method}({ publicKey })).toJSON()
    })()`)
  const create = (options: Json) => run('create', 'parseCreationOptionsFromJSON', options)
  const get = (options: Json) => run('get', 'parseRequestOptionsFromJSON', options)

  return {
    page,
    create,
    get,

    /** Adds a passkey of this device to the account of a signed-in client. */
    async addTo(client: Client, name = 'A device') {
      const { data, code } = await client.call('beginPasskey')
      if (!data) throw new Error(`The passkey was answered with ${code}`)
      return client.call('addPasskey', { ceremony: data.id, response: await create(data.options), name })
    },

    /** Begins a sign-in and lets the user choose a passkey. */
    async prove(client: Client) {
      const { data } = await client.call('beginPasskeyLogin')
      if (!data) throw new Error('The sign-in was not begun')
      return { ceremony: data.id, response: await get(data.options) }
    },

    /** Copies of the passkeys, as a thief of the device's memory has them. */
    async readKeys() {
      const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
      return credentials
    },

    async writeKeys(credentials: Awaited<ReturnType<typeof this.readKeys>>) {
      await cdp.send('WebAuthn.clearCredentials', { authenticatorId })
      for (const credential of credentials) {
        await cdp.send('WebAuthn.addCredential', { authenticatorId, credential })
      }
    },

    /** Changes whether the passkeys say that the user's other devices have them. */
    async setSynced(isSynced: boolean) {
      const properties = { backupEligibility: isSynced, backupState: isSynced }
      for (const { credentialId } of await this.readKeys()) {
        await cdp.send('WebAuthn.setCredentialProperties', { authenticatorId, credentialId, ...properties })
      }
    },

    async setVerified(isUserVerified: boolean) {
      await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
    },
  }
}
