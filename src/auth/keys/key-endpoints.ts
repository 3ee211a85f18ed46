import { createAuthEndpoint } from 'better-auth/api'
import { createJwk, type Jwk, type JwtOptions, resolveSigningKey } from 'better-auth/plugins/jwt'
import type { KeyRow, SigningKeys } from './signing-keys.ts'

const WRONG_SECRET =
  'AUTH_SECRET is not the one that this database was set up with. Restore the old value. ' +
  'If it is lost, delete the rows of the table jwks: this signs all users out.'

/** The options of Better-Auth's `jwt` plugin: it creates and encrypts the keys, and `signing-keys.ts` decides when each is used. */
export function createKeyOptions(keys: SigningKeys) {
  return {
    disableSettingJwtHeader: true,
    jwks: { keyPairConfig: { alg: 'EdDSA', crv: 'Ed25519' } },
    adapter: {
      getJwks: async () => (await keys.list()).map(({ key }) => asJwk(key)),
      createJwk: async (values) => asJwk(await keys.addFirst(values)),
    },
  } satisfies JwtOptions
}

/** Endpoints that the `jwt` plugin does not have, or whose own version reads the table for each token. */
export function createKeyEndpoints(options: ReturnType<typeof createKeyOptions>, keys: SigningKeys) {
  return {
    /** Returns the current signing key, decrypted and imported. Creates the first one if there is none. */
    getSigningKey: createAuthEndpoint.serverOnly({ method: 'GET' }, async (context) => {
      const current = (await keys.list()).find(({ signs }) => signs)
      const choice = current && { signingKeyId: current.key.id }
      const key = await resolveSigningKey(context, options, choice).catch((cause: unknown) => {
        throw isUndecryptable(cause) ? new TypeError(WRONG_SECRET, { cause }) : cause
      })
      if (!key) throw new TypeError('There is no signing key')
      return key
    }),

    /** Returns the public half of every key, retired ones included. */
    getPublicKeys: createAuthEndpoint.serverOnly({ method: 'GET' }, async () =>
      (await keys.list()).map(({ key: { id, alg, crv, publicKey }, retired }) => ({
        jwk: { alg, crv, ...JSON.parse(publicKey), kid: id },
        retired,
      })),
    ),

    /** Creates the next signing key. Null if there is one already. */
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
