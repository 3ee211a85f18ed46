import { kind, listOf, refuse } from './kinds/kind.ts'
import { isOpenToAll, parseOwnOrigin } from './kinds/origin.ts'

/** Where passkeys can be created and used. */
export const passkeySettings = {
  PASSKEY_RP_ID: kind(parseDomain).optional(),
  PASSKEY_ORIGINS: listOf(parsePasskeyOrigin).prefault(''),
}

/** The domain that passkeys belong to (WebAuthn, section 5.1.2, "relying party identifier"). */
function parseDomain(text: string) {
  const domain = text.toLowerCase()
  if (!/^(?!-)[a-z\d-]+(\.[a-z\d-]+)*$/.test(domain) || /\.\d+$/.test(domain)) {
    refuse('must be a domain alone, such as example.com')
  }
  if (domain !== 'localhost' && isOpenToAll(domain)) {
    refuse('would share passkeys with other people: it must be a domain that is yours alone')
  }
  return domain
}

const ANDROID = 'android:apk-key-hash:'

/** The origin of a page on another domain, or of an Android app by the SHA-256 of its certificate as Base64url. */
function parsePasskeyOrigin(text: string) {
  if (!text.startsWith(ANDROID)) return parseOwnOrigin(text)
  const hash = text.slice(ANDROID.length)
  return /^[\w-]{43}$/.test(hash)
    ? text
    : refuse('must have the 43 characters of a hash after android:apk-key-hash:')
}
