import { createPrivateKey } from 'node:crypto'
import { createAuthEndpoint } from 'better-auth/api'
import { symmetricDecrypt } from 'better-auth/crypto'
import { createJwk, type Jwk, type JwtOptions } from 'better-auth/plugins/jwt'
import { DatabaseFault } from '../../db/database-fault.ts'
import type { TokenAlgorithm } from '../../settings/credentials.ts'
import type { KeyRow, SigningKeys } from './signing-keys.ts'

/** The algorithm of the first key, unless a setting names another. All common libraries know it. */
const DEFAULT_ALGORITHM: TokenAlgorithm = 'ES256'
/** The algorithm of keys without a name for it, which older versions created. */
const OLD_ALGORITHM: TokenAlgorithm = 'EdDSA'

/** The options of Better-Auth's `jwt` plugin, which creates and encrypts the keys. `signing-keys.ts` decides when each is used. */
export function createKeyOptions(keys: SigningKeys, algorithm: TokenAlgorithm = DEFAULT_ALGORITHM) {
  return {
    disableSettingJwtHeader: true,
    jwks: { keyPairConfig: keyPairOf(algorithm) },
    adapter: {
      getJwks: async () => (await keys.list()).map(({ key }) => asJwk(key)),
      createJwk: async (values) => asJwk(await keys.addFirst(values)),
    },
  } satisfies JwtOptions
}

/** Endpoints that the `jwt` plugin does not have, or whose own version reads the table for each token. */
export function createKeyEndpoints(
  options: ReturnType<typeof createKeyOptions>,
  keys: SigningKeys,
  reencryptKeys: () => Promise<void>,
  algorithm?: TokenAlgorithm,
) {
  /** Creates the next signing key. Null if there is one already. */
  async function addKey(context: Parameters<typeof createJwk>[0], alg: TokenAlgorithm) {
    let added: KeyRow | undefined
    const createNext = async (values: Omit<Jwk, 'id'>) => {
      added = await keys.addNext(values)
      return { ...values, id: added?.id ?? '' }
    }
    await createJwk(context, {
      ...options,
      jwks: { keyPairConfig: keyPairOf(alg) },
      adapter: { ...options.adapter, createJwk: createNext },
    })
    return added ?? null
  }

  async function findNewestAlgorithm() {
    const newest = (await keys.list()).at(-1)
    return newest && algorithmOf(newest.key)
  }

  return {
    /** Returns the current signing key, decrypted and imported. Creates the first one if there is none. */
    getSigningKey: createAuthEndpoint.serverOnly({ method: 'GET' }, async (context) => {
      const find = async () =>
        (await keys.list()).find(({ signs }) => signs)?.key ?? (await createJwk(context, options))
      const decrypt = ({ privateKey }: Jwk | KeyRow) =>
        symmetricDecrypt({ key: context.context.secretConfig, data: JSON.parse(privateKey) }).catch(
          () => null,
        )
      let key = await find()
      let jwk = await decrypt(key)
      if (jwk === null) {
        // A replica that still has the secret before may have added the key.
        await reencryptKeys()
        key = await find()
        jwk = await decrypt(key)
      }
      if (jwk === null) throw wrongSecret()
      const privateKey = createPrivateKey({ key: JSON.parse(jwk), format: 'jwk' })
      return { kid: key.id, alg: algorithmOf(key), privateKey }
    }),

    /** Returns the public half of every key, retired ones included. */
    getPublicKeys: createAuthEndpoint.serverOnly({ method: 'GET' }, async () =>
      (await keys.list()).map(({ key, retired }) => ({
        jwk: { ...JSON.parse(key.publicKey), alg: algorithmOf(key), kid: key.id },
        retired,
      })),
    ),

    /** Creates the next signing key, with the algorithm of the setting or of the newest key. Null if there is one already. */
    addSigningKey: createAuthEndpoint.serverOnly({ method: 'POST' }, async (context) =>
      addKey(context, algorithm ?? (await findNewestAlgorithm()) ?? DEFAULT_ALGORITHM),
    ),

    /** Creates the next signing key if the newest one has another algorithm than the setting. */
    followAlgorithm: createAuthEndpoint.serverOnly({ method: 'POST' }, async (context) => {
      const newest = await findNewestAlgorithm()
      return algorithm && newest && newest !== algorithm ? addKey(context, algorithm) : null
    }),
  }
}

const wrongSecret = () =>
  new DatabaseFault(
    'AUTH_SECRET is not the one that this database was set up with',
    'Restore the old value, or name it in AUTH_SECRET_PREVIOUS. If it is lost, delete the rows of the table jwks: this signs all users out.',
  )

/** Every key has at least 128 bits of strength (NIST SP 800-57, part 1, table 2), so RSA takes 3072. */
function keyPairOf(alg: TokenAlgorithm) {
  return alg === 'RS256' ? { alg, modulusLength: 3072 } : { alg }
}

function algorithmOf({ alg }: Pick<Jwk | KeyRow, 'alg'>) {
  return (alg ?? OLD_ALGORITHM) as TokenAlgorithm
}

function asJwk({ expiresAt: _, ...key }: KeyRow) {
  return key as Jwk
}
