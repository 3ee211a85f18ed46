import type { Db } from '../../db/client.ts'
import { AuthError } from '../../errors.ts'
import { createDirectEndpoint } from '../better-auth/direct-endpoint.ts'
import { recordEvent } from '../events/events.ts'
import type { PasskeyProofs } from '../passkeys/passkey-proofs.ts'
import type { OpenSession, RequestedSession } from './opening/open-session.ts'

type PasskeySignInInput = RequestedSession & { ceremony: string; response: Record<string, unknown> }

type Parts = { db: Db; openSession: OpenSession; passkeyProofs: PasskeyProofs }

/** Sign-in with a passkey, as a Better-Auth endpoint: `auth.api.signInWithPasskey` returns it. */
export function createPasskeySignInEndpoint({ db, openSession, passkeyProofs }: Parts) {
  return createDirectEndpoint(
    async ({ ceremony, response, transport, client, formerSessionId }: PasskeySignInInput) => {
      const proven = await passkeyProofs.check({ ceremony, response }, client)
      if (!proven) throw new AuthError('INVALID_CREDENTIALS')
      const { user, use } = proven
      const opened = await openSession(db, {
        account: user,
        proof: { passkey: use },
        transport,
        client,
        formerSessionId,
      })
      if (typeof opened === 'object') return opened
      await recordEvent(db, 'factor_failed', user.id, client)
      throw new AuthError('INVALID_CREDENTIALS')
    },
  )
}
