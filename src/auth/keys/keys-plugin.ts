import { createAuthEndpoint } from 'better-auth/api'
import { createJwk, type Jwk, type JwtOptions, resolveSigningKey } from 'better-auth/plugins/jwt'
import type { KeyRow, SigningKeys } from './signing-keys.ts'

const FOREIGN_SECRET =
  'AUTH_SECRET is not the one this database was set up with. Put that one back; ' +
  'or, to sign everybody out and begin anew, delete the rows of the table jwks.'

/** The `jwt` plugin's options, with its keys in our hands: it makes and encrypts them, we say when each is used. */
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

/** What of the keys the `jwt` plugin does not offer, or does anew for each token. */
export function keysPlugin(options: ReturnType<typeof keyOptions>, keys: SigningKeys) {
  return {
    id: 'servauth-keys',
    endpoints: {
      /** The key that signs, decrypted and imported. Makes the first one where there is none. */
      getSigningKey: createAuthEndpoint.serverOnly({ method: 'GET' }, async (context) => {
        const current = (await keys.list()).find(({ signs }) => signs)
        const choice = current && { signingKeyId: current.key.id }
        const key = await resolveSigningKey(context, options, choice).catch((cause: unknown) => {
          throw isUndecryptable(cause) ? new TypeError(FOREIGN_SECRET, { cause }) : cause
        })
        if (!key) throw new TypeError('There is no signing key')
        return key
      }),

      /** The public half of every key that is known; a retired one proves only that a token is an old one. */
      getPublicKeys: createAuthEndpoint.serverOnly({ method: 'GET' }, async () =>
        (await keys.list()).map(({ key: { id, alg, crv, publicKey }, retired }) => ({
          jwk: { alg, crv, ...JSON.parse(publicKey), kid: id },
          retired,
        })),
      ),

      /** Makes the successor of the key that signs; null where one is on its way already. */
      addSigningKey: createAuthEndpoint.serverOnly({ method: 'POST' }, async (context) => {
        let added: KeyRow | undefined
        const createNext = async (values: Omit<Jwk, 'id'>) => {
          added = await keys.addNext(values)
          return { ...values, id: added?.id ?? '' }
        }
        await createJwk(context, { ...options, adapter: { ...options.adapter, createJwk: createNext } })
        return added ?? null
      }),
    },
  } as const
}

function asJwk({ expiresAt: _, ...key }: KeyRow) {
  return key as Jwk
}

function isUndecryptable(fault: unknown) {
  return fault instanceof Error && fault.message.startsWith('Failed to decrypt')
}
