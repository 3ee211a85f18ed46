import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { ServiceKeyEntry } from '../../settings/credentials.ts'
import { digest } from '../keys/sealed-tokens.ts'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 40 characters of base62 are 238 random bits. */
const SECRET_CHARACTERS = 40
const CHECKSUM_CHARACTERS = 6
const PREFIX = 'servauth_'
const FORMAT = new RegExp(`^${PREFIX}[0-9A-Za-z]{${SECRET_CHARACTERS + CHECKSUM_CHARACTERS}}$`)

/** The keys of other services, from `SERVICE_KEYS`. The server knows only their hashes. */
export function createServiceKeys(entries: ServiceKeyEntry[]) {
  const namesByHash = new Map(entries.map(({ name, hash }) => [hash, name]))
  /** Keys that were right, so that their next use needs no hash. There are no more of them than entries. */
  const namesByKey = new Map<string, string>()

  function check(key: string) {
    const name = isServiceKey(key) ? namesByHash.get(digest(key)) : undefined
    if (name) namesByKey.set(key, name)
    return name ?? null
  }

  return {
    isEnabled: entries.length > 0,
    /** The name of the service with this key; null if there is none. A wrong checksum needs no hash. */
    findName: (key: string) => namesByKey.get(key) ?? check(key),
  }
}

/**
 * Creates a key. The prefix and the checksum let secret scanners find a leaked key without a false alarm, by the
 * expression `servauth_[0-9A-Za-z]{46}`.
 */
export function createServiceKey() {
  const secret = Array.from({ length: SECRET_CHARACTERS }, () => DIGITS[randomInt(DIGITS.length)]).join('')
  const key = `${PREFIX}${secret}${checksumOf(secret)}`
  return { key, hash: digest(key) }
}

function isServiceKey(key: string) {
  if (!FORMAT.test(key)) return false
  const end = PREFIX.length + SECRET_CHARACTERS
  return checksumOf(key.slice(PREFIX.length, end)) === key.slice(end)
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
