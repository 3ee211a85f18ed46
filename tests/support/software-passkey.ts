import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isoCBOR } from '@simplewebauthn/server/helpers'
import type { Client } from './client.ts'
import { ORIGIN } from './server.ts'

/** User present and verified; with an attested key. */
const [VERIFIED, ATTESTED] = [0x05, 0x40]

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest()
const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

/** What a forged response says instead. `data` is added to what the browser writes, `response` to what it sends. */
export type Forgery = {
  data?: Record<string, unknown>
  rpId?: string
  flags?: number
  trailing?: Buffer
  response?: Record<string, unknown>
  top?: Record<string, unknown>
}

/** An authenticator in software, as an attacker has one. It sends what it is told to send. */
export function createSoftwarePasskey({ idBytes = 32, origin = ORIGIN } = {}) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const id = randomBytes(idBytes)
  let counter = 0
  let userHandle = ''

  const clientData = (type: string, { challenge }: Record<string, unknown>, forged = {}) =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false, ...forged }))

  const authenticatorData = (flags: number, count: number, rpId = new URL(origin).hostname) => {
    const data = Buffer.alloc(37)
    sha256(rpId).copy(data)
    data.writeUInt8(flags, 32)
    data.writeUInt32BE(count, 33)
    return data
  }

  const answer = (response: Record<string, Uint8Array>) => ({
    id: base64url(id),
    rawId: base64url(id),
    type: 'public-key',
    clientExtensionResults: {},
    response: Object.fromEntries(Object.entries(response).map(([name, bytes]) => [name, base64url(bytes)])),
  })

  return {
    /** The response to the options of `beginPasskey`. */
    create(options: Record<string, unknown>) {
      userHandle = (options.user as { id: string }).id
      const coordinate = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))
      const key = new Map<number, number | Uint8Array>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, coordinate(x)],
        [-3, coordinate(y)],
      ])
      const attested = Buffer.alloc(18)
      attested.writeUInt16BE(id.length, 16)
      const authData = Buffer.concat([
        authenticatorData(VERIFIED | ATTESTED, counter),
        attested,
        id,
        isoCBOR.encode(key),
      ])
      const attestation = new Map<string, string | Map<string, string> | Uint8Array>([
        ['fmt', 'none'],
        ['attStmt', new Map<string, string>()],
        ['authData', new Uint8Array(authData)],
      ])
      return answer({
        clientDataJSON: clientData('webauthn.create', options),
        attestationObject: isoCBOR.encode(attestation),
      })
    },

    id: base64url(id),

    /** The response to the options of `beginPasskeyLogin`. */
    get(options: Record<string, unknown>, count = ++counter, forged: Forgery = {}) {
      const clientDataJSON = clientData('webauthn.get', options, forged.data)
      const data = Buffer.concat([
        authenticatorData(forged.flags ?? VERIFIED, count, forged.rpId),
        forged.trailing ?? Buffer.alloc(0),
      ])
      const signature = sign('sha256', Buffer.concat([data, sha256(clientDataJSON)]), privateKey)
      const { response, ...rest } = answer({
        clientDataJSON,
        authenticatorData: data,
        signature,
        userHandle: Buffer.from(userHandle, 'base64url'),
      })
      return { ...rest, ...forged.top, response: { ...response, ...forged.response } }
    },

    /** Adds itself to the account of a signed-in client. */
    async addTo(client: Client, name = 'A key') {
      const { data, code } = await client.call('beginPasskey')
      if (!data) throw new Error(`The passkey was answered with ${code}`)
      return client.call('addPasskey', { ceremony: data.id, response: this.create(data.options), name })
    },

    /** Signs in with it. */
    async signIn(client: Client) {
      const { data } = await client.call('beginPasskeyLogin')
      if (!data) throw new Error('The sign-in was not begun')
      const response = this.get(data.options)
      return client.call('loginWithPasskey', { ceremony: data.id, response, transport: 'TOKEN' })
    },
  }
}
