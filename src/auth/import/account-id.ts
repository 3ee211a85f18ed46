import { hash } from 'node:crypto'
import { hexToUuid8 } from '../../db/uuid.ts'

const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i

/** Keeps a UUID. Hashes any other id to a UUID, always the same one, so that a second import finds the account. */
export function toAccountId(system: string, foreign: string) {
  if (UUID.test(foreign)) return foreign.toLowerCase()
  const hex = hash('sha256', `${system} user ${foreign}`)
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return hexToUuid8(hex, variant)
}
