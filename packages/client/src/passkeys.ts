import {
  AddPasskeyDocument,
  BeginPasskeyDocument,
  BeginPasskeyLoginDocument,
  type PasskeyProof,
  PasskeySignalsDocument,
  RemovePasskeyDocument,
} from './generated/operations.ts'
import type { Session } from './session.ts'

/** Shorter than a ceremony lives at the server. After that, the offer in a field begins another one. */
const MAX_OFFER_MS = 4 * 60_000

type Choice = Pick<CredentialRequestOptions, 'mediation' | 'signal'>

/** What this browser has of the functions for passkeys. Older browsers lack some or all. */
const browserPasskeys = (): Partial<typeof PublicKeyCredential> =>
  'PublicKeyCredential' in globalThis ? PublicKeyCredential : {}

/** Whether this browser can create and use passkeys. */
export const hasPasskeys = () => browserPasskeys().parseCreationOptionsFromJSON !== undefined

/**
 * Lets the user create a passkey on a device, and adds it to the account.
 * @param name what the user sees in the list of passkeys
 * @throws `NotAllowedError` if the user cancels; `InvalidStateError` if the device has a passkey of this account
 */
export async function addPasskey(session: Session, name: string) {
  const { beginPasskey } = await session.request(BeginPasskeyDocument)
  const options = beginPasskey.options as unknown as PublicKeyCredentialCreationOptionsJSON
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
  const response = toJson(await navigator.credentials.create({ publicKey }))
  const added = await session.request(AddPasskeyDocument, {
    input: { ceremony: beginPasskey.id, response, name },
  })
  return added.addPasskey
}

/**
 * Lets the user choose a passkey, for `signInWithPasskey`, or as the `passkey` of a proof.
 * @throws `NotAllowedError` if the user cancels
 */
export async function choosePasskey(session: Session, choice: Choice = {}): Promise<PasskeyProof> {
  const { beginPasskeyLogin } = await session.request(BeginPasskeyLoginDocument)
  const options = beginPasskeyLogin.options as unknown as PublicKeyCredentialRequestOptionsJSON
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  const response = toJson(await navigator.credentials.get({ ...choice, publicKey }))
  return { ceremony: beginPasskeyLogin.id, response }
}

/**
 * Offers passkeys in the autofill of a field with `autocomplete="username webauthn"`, and signs in with the chosen one.
 * End the offer by `signal` before the user chooses a passkey in another way: a browser shows one request at a time.
 * @param onRefused called if the chosen passkey did not sign in; the offer goes on
 */
export async function offerPasskeys(
  session: Session,
  signal: AbortSignal,
  onRefused: (fault: unknown) => void,
) {
  const canOffer = await browserPasskeys().isConditionalMediationAvailable?.()
  if (!canOffer || !hasPasskeys()) return
  const isEnded = () => signal.aborted
  while (!isEnded()) {
    const expiry = AbortSignal.timeout(MAX_OFFER_MS)
    const choice = { mediation: 'conditional', signal: AbortSignal.any([signal, expiry]) } as const
    const answer = await choosePasskey(session, choice).catch(() => null)
    if (answer) {
      try {
        await session.signInWithPasskey(answer)
        return
      } catch (fault) {
        onRefused(fault)
      }
    } else if (!expiry.aborted) return
  }
}

/** Removes a passkey from the account, and lets the browser forget it. */
export async function removePasskey(session: Session, id: string) {
  await session.request(RemovePasskeyDocument, { id })
  await signalPasskeys(session)
}

/**
 * Reports to the browser which passkeys the account has, so that it offers no others, and the address that it shows beside
 * them. Call it when a user has signed in, and after a change of passkeys or of the address.
 */
export async function signalPasskeys(session: Session) {
  const browser = browserPasskeys()
  if (!browser.signalAllAcceptedCredentials) return
  const { passkeySignals } = await session.request(PasskeySignalsDocument)
  const { rpId, name, displayName, imported } = passkeySignals
  // Imported passkeys have the handle of another system, and browsers keep what they know by handle.
  for (const { userId, allAcceptedCredentialIds } of [passkeySignals, ...imported]) {
    await browser.signalAllAcceptedCredentials({ rpId, userId, allAcceptedCredentialIds })
    await browser.signalCurrentUserDetails?.({ rpId, userId, name, displayName })
  }
}

/** Browsers resolve with null only if a page asks for other kinds of credentials. */
function toJson(credential: Credential | null): Record<string, unknown> {
  if (!(credential instanceof PublicKeyCredential)) throw new TypeError('The browser returned no passkey')
  return { ...credential.toJSON() }
}
