import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { KEY_PREFIX } from '../../contract/service-key.ts'
import { digest } from '../keys/sealed-tokens.ts'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 40 characters of base62 are 238 random bits. */
const SECRET_CHARACTERS = 40
const CHECKSUM_CHARACTERS = 6
const FORMAT = new RegExp(`^${KEY_PREFIX}[0-9A-Za-z]{${SECRET_CHARACTERS + CHECKSUM_CHARACTERS}}$`)

/**
 * Creates a key. The prefix and the checksum let secret scanners find a leaked key without a false alarm, by the
 * expression `servauth_[0-9A-Za-z]{46}`.
 */
export function createServiceKey() {
  const secret = Array.from({ length: SECRET_CHARACTERS }, () => DIGITS[randomInt(DIGITS.length)]).join('')
  const key = `${KEY_PREFIX}${secret}${checksumOf(secret)}`
  return { key, hash: digest(key) }
}

/** Whether a text has the form and the checksum of a key. */
export function isServiceKey(text: string) {
  if (!FORMAT.test(text)) return false
  const end = KEY_PREFIX.length + SECRET_CHARACTERS
  return checksumOf(text.slice(KEY_PREFIX.length, end)) === text.slice(end)
}

/** The CRC-32 of the secret in base62, as in the keys of other vendors. */
function checksumOf(secret: string) {
  let rest = crc32(secret)
  let text = ''
  while (text.length < CHECKSUM_CHARACTERS) {
    text = DIGITS.charAt(rest % DIGITS.length) + text
    rest = Math.floor(rest / DIGITS.length)
  }
  return text
}
