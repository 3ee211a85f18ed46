export const UUID_BYTES = 16

/** 128 random bits in the form of a UUID. It has no version field, which would cost six of them. */
export const createRandomId = () => hexToUuid(crypto.getRandomValues(new Uint8Array(UUID_BYTES)).toHex())

export const uuidToBytes = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex')
export const bytesToUuid = (bytes: Buffer) => hexToUuid(bytes.toString('hex'))

/** The first 128 bits of hexadecimal digits. */
export const hexToUuid = (hex: string) =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`

/** The same with version 8 (RFC 9562, section 5.8). `variant` is the digit that begins with the bits `10`. */
export const hexToUuid8 = (hex: string, variant: string) =>
  hexToUuid(`${hex.slice(0, 12)}8${hex.slice(13, 16)}${variant}${hex.slice(17)}`)
