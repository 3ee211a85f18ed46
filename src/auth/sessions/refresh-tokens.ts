import { bytesToUuid, createRandomId, createSealer, uuidToBytes } from '../keys/sealed-tokens.ts'

export type RefreshTokens = ReturnType<typeof createRefreshTokens>

/** A refresh token read back: its session, its lineage and its place in the lineage. */
export type RefreshToken = { sessionId: string; lineage: string; generation: number }

const UUID_BYTES = 16
const BODY_BYTES = UUID_BYTES + UUID_BYTES + 4

/**
 * The secret of a session: `session id ‖ lineage ‖ generation`, sealed. The lineage is random (128 bits). The server
 * can compute the successor of a presented token again although it stores only hashes, and it can tell an old token
 * of a live session from an invented one, which must not be able to end the session.
 */
export function createRefreshTokens(secret: string) {
  const { seal, open } = createSealer(secret, 'refresh token', BODY_BYTES)

  function encode({ sessionId, lineage, generation }: RefreshToken) {
    const body = Buffer.alloc(BODY_BYTES)
    uuidToBytes(sessionId).copy(body)
    uuidToBytes(lineage).copy(body, UUID_BYTES)
    body.writeUInt32BE(generation, UUID_BYTES * 2)
    return seal(body)
  }

  return {
    encode,

    /** The first token of a new lineage. */
    begin: (sessionId: string) => {
      const lineage = createRandomId()
      return { lineage, token: encode({ sessionId, lineage, generation: 0 }) }
    },

    /** The next token of the same lineage; always the same one. */
    successor: ({ generation, ...chain }: RefreshToken) => encode({ ...chain, generation: generation + 1 }),

    /** Null for anything that this server did not create, without asking the database. */
    decode(token: string): RefreshToken | null {
      const body = open(token)
      return (
        body && {
          sessionId: bytesToUuid(body.subarray(0, UUID_BYTES)),
          lineage: bytesToUuid(body.subarray(UUID_BYTES, UUID_BYTES * 2)),
          generation: body.readUInt32BE(UUID_BYTES * 2),
        }
      )
    },
  }
}
