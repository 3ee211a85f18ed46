import { hash } from 'node:crypto'

const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i

/** Keeps a UUID. Hashes any other id to a UUID, always the same one, so that a second import finds the account. */
export function toAccountId(system: string, foreign: string) {
  if (UUID.test(foreign)) return foreign.toLowerCase()
  const hex = hash('sha256', `${system} user ${foreign}`)
  // Version 8 and the variant (RFC 9562, section 5.8).
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`]
  return `${parts.join('-')}-${hex.slice(20, 32)}`
}
