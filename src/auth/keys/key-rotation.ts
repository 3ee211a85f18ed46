import type { BetterAuth } from '../better-auth/better-auth.ts'
import type { SigningKeys } from './signing-keys.ts'

type Parts = { api: BetterAuth['api']; signingKeys: SigningKeys }

/** What whoever runs the server may do with the keys that sign access tokens. */
export function createKeyRotation({ api, signingKeys }: Parts) {
  return {
    /** Every key that is known, oldest first, with what it does when. */
    list: () => signingKeys.list(),

    /** Sees that the key that signs can be used. @throws where it was encrypted with another secret */
    check: async () => void (await api.getSigningKey()),

    /** Makes a successor, which signs by itself when everybody can have it. @returns whether it did */
    rotate: async () => (await api.addSigningKey()) !== null,
  }
}
