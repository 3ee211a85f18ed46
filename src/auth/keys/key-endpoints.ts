import { createAuthEndpoint } from 'better-auth/api'
import { createJwk, type Jwk, type JwtOptions, resolveSigningKey } from 'better-auth/plugins/jwt'
import type { KeyRow, SigningKeys } from './signing-keys.ts'

const FOREIGN_SECRET =
  'AUTH_SECRET is not the one that this database was set up with. Restore that one; ' +
  'or, to sign all users out and start over, delete the rows of the table jwks.'

/** The options of Better-Auth's `jwt` plugin: it creates and encrypts the keys, and `signing-keys.ts` says when each is used. */
export function keyOptions(keys: SigningKeys) {
  return {
    disableSettingJwtHeader: true,
    jwks: { keyPairConfig: { alg: 'EdDSA', crv: 'Ed25519' } },
    adapter: {
      getJwks: async () => (await keys.list()).map(({ key }) => asJwk(key)),
      createJwk: async (values) => asJwk(await keys.addFirst(values)),
    },
  } satisfies JwtOptions
}

/** The endpoints that the `jwt` plugin does not have, or that would read the table for each token. */
export function keyEndpoints(options: ReturnType<typeof keyOptions>, keys: SigningKeys) {
  return {
    /** The key that signs, decrypted and imported. Creates the first one if there is none. */
    getSigningKey: createAuthEndpoint.serverOnly({ method: 'GET' }, async (context) => {
      const current = (await keys.list()).find(({ signs }) => signs)
      const choice = current && { signingKeyId: current.key.id }
      const key = await resolveSigningKey(context, options, choice).catch((cause: unknown) => {
        throw isUndecryptable(cause) ? new TypeError(FOREIGN_SECRET, { cause }) : cause
      })
      if (!key) throw new TypeError('There is no signing key')
      return key
    }),

    /** The public half of every known key. A retired one only proves that a token is old. */
    getPublicKeys: createAuthEndpoint.serverOnly({ method: 'GET' }, async () =>
      (await keys.list()).map(({ key: { id, alg, crv, publicKey }, retired }) => ({
        jwk: { alg, crv, ...JSON.parse(publicKey), kid: id },
        retired,
      })),
    ),

    /** Creates the successor of the key that signs; null if there is one already. */
    addSigningKey: createAuthEndpoint.serverOnly({ method: 'POST' }, async (context) => {
      let added: KeyRow | undefined
      const createNext = async (values: Omit<Jwk, 'id'>) => {
        added = await keys.addNext(values)
        return { ...values, id: added?.id ?? '' }
      }
      await createJwk(context, { ...options, adapter: { ...options.adapter, createJwk: createNext } })
      return added ?? null
    }),
  }
}

function asJwk({ expiresAt: _, ...key }: KeyRow) {
  return key as Jwk
}

function isUndecryptable(fault: unknown) {
  return fault instanceof Error && fault.message.startsWith('Failed to decrypt')
}
