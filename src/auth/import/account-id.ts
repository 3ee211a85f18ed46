import { createHash } from 'node:crypto'

const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i

/** Keeps a UUID. Hashes any other id to a UUID, always the same one, so that a second import finds the account. */
export function toAccountId(system: string, foreign: string) {
  if (UUID.test(foreign)) return foreign.toLowerCase()
  const bytes = createHash('sha256').update(`${system} user ${foreign}`).digest().subarray(0, 16)
  // Version 8 and the variant (RFC 9562, section 5.8).
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
