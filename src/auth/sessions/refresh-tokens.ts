import { bytesToUuid, createRandomId, UUID_BYTES, uuidToBytes } from '../../db/uuid.ts'
import { createSealer, type Secrets } from '../keys/sealed-tokens.ts'

export type RefreshTokens = ReturnType<typeof createRefreshTokens>

/** The content of a refresh token. Each rotation adds one to the generation. */
export type RefreshToken = { sessionId: string; lineage: string; generation: number }

const BODY_BYTES = UUID_BYTES + UUID_BYTES + 4

/**
 * The secret of a session: the sealed `session id ‖ lineage ‖ generation`. The lineage is random (128 bits). The server
 * stores only hashes and can still compute the successor of a presented token. An invented token cannot end a
 * session, because its seal does not match.
 */
export function createRefreshTokens(secrets: Secrets) {
  const { seal, open } = createSealer(secrets, 'refresh token', BODY_BYTES)

  function encode({ sessionId, lineage, generation }: RefreshToken) {
    const body = Buffer.alloc(BODY_BYTES)
    uuidToBytes(sessionId).copy(body)
    uuidToBytes(lineage).copy(body, UUID_BYTES)
    body.writeUInt32BE(generation, UUID_BYTES * 2)
    return seal(body)
  }

  return {
    encode,

    /** Creates a lineage and its first token. */
    startLineage: (sessionId: string) => {
      const lineage = createRandomId()
      return { lineage, token: encode({ sessionId, lineage, generation: 0 }) }
    },

    /** The next token of the same lineage; always the same one. */
    deriveSuccessor: ({ generation, ...lineage }: RefreshToken) =>
      encode({ ...lineage, generation: generation + 1 }),

    /** Needs no database. Null if this server did not create the token. */
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
