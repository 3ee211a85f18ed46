import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export type RefreshTokens = ReturnType<typeof createRefreshTokens>

/** A refresh token read back: its session, the chain it belongs to and its place in that chain. */
export type RefreshToken = { sessionId: string; lineage: string; generation: number }

const UUID_BYTES = 16
const BODY_BYTES = UUID_BYTES + UUID_BYTES + 4
const MAC_BYTES = 32

/**
 * The session's secret. A token is `session id ‖ lineage ‖ generation ‖ HMAC` in base64url: the
 * lineage is random (128 bits), the HMAC-SHA-256 makes it unforgeable. So the successor of a
 * presented token can be computed again although only hashes are stored, and an old token of a
 * live session can be told from an invented one, which must not be able to end it.
 */
export function createRefreshTokens(secret: string) {
  const key = createHmac('sha256', secret).update('servauth refresh token').digest()
  const sign = (body: Uint8Array) => createHmac('sha256', key).update(body).digest()

  function encode({ sessionId, lineage, generation }: RefreshToken) {
    const body = Buffer.alloc(BODY_BYTES)
    uuidBytes(sessionId).copy(body)
    uuidBytes(lineage).copy(body, UUID_BYTES)
    body.writeUInt32BE(generation, UUID_BYTES * 2)
    return Buffer.concat([body, sign(body)]).toString('base64url')
  }

  return {
    encode,

    /** The first token of a new lineage. */
    begin: (sessionId: string) => {
      const lineage = randomId()
      return { lineage, token: encode({ sessionId, lineage, generation: 0 }) }
    },

    /** The token that follows in the same lineage, the same one each time. */
    successor: ({ generation, ...chain }: RefreshToken) => encode({ ...chain, generation: generation + 1 }),

    /** Null for anything this server did not make, without asking the database. */
    decode(token: string): RefreshToken | null {
      const bytes = Buffer.from(token, 'base64url')
      if (bytes.length !== BODY_BYTES + MAC_BYTES || bytes.toString('base64url') !== token) return null
      const body = bytes.subarray(0, BODY_BYTES)
      if (!timingSafeEqual(sign(body), bytes.subarray(BODY_BYTES))) return null
      return {
        sessionId: uuidText(body.subarray(0, UUID_BYTES)),
        lineage: uuidText(body.subarray(UUID_BYTES, UUID_BYTES * 2)),
        generation: body.readUInt32BE(UUID_BYTES * 2),
      }
    },
  }
}

/** 128 random bits in the form of a UUID, all of them random: a version would take six. */
export const randomId = () => uuidText(randomBytes(UUID_BYTES))

/** What the database keeps of a secret: enough to know it again, not enough to use it. */
export function digest(secret: string) {
  return createHash('sha256').update(secret).digest('base64url')
}

export const uuidBytes = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex')
const uuidText = (bytes: Buffer) =>
  bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
