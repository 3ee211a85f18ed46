import { createAuthEndpoint } from 'better-auth/api'
import { type JwtOptions, resolveSigningKey } from 'better-auth/plugins/jwt'

const FOREIGN_SECRET =
  'AUTH_SECRET is not the one this database was set up with. Put that one back; ' +
  'or, to sign everybody out and begin anew, delete the rows of the table jwks.'

/** Hands out the key that signs, decrypted and imported, which the `jwt` plugin does anew for each token. */
export function keysPlugin(options: JwtOptions) {
  return {
    id: 'servauth-keys',
    endpoints: {
      getSigningKey: createAuthEndpoint.serverOnly({ method: 'GET' }, async (context) => {
        const key = await resolveSigningKey(context, options).catch((cause: unknown) => {
          throw isUndecryptable(cause) ? new TypeError(FOREIGN_SECRET, { cause }) : cause
        })
        if (!key) throw new TypeError('There is no signing key')
        return key
      }),
    },
  } as const
}

function isUndecryptable(fault: unknown) {
  return fault instanceof Error && fault.message.startsWith('Failed to decrypt')
}
