import { Client, fetchExchange } from '@urql/core'
import { authExchange } from '@urql/exchange-auth'
import type { createSession } from '../browser/session.ts'

/**
 * urql for Servauth, by its cookie. With a `cacheExchange`, make a new client whenever
 * `session.watch` tells of a change, so that nobody sees what the one before was shown.
 */
export function createClient(url: string, session: ReturnType<typeof createSession>) {
  return new Client({
    url: `${url}/graphql`,
    fetchOptions: { credentials: 'include' },
    // Servauth takes operations by POST only.
    preferGetMethod: false,
    exchanges: [
      authExchange(async () => ({
        // The browser adds the cookie by itself.
        addAuthToOperation: (operation) => operation,
        didAuthError: ({ graphQLErrors }) =>
          graphQLErrors.some(({ extensions }) => extensions.code === 'UNAUTHENTICATED'),
        // Asks once whether the session goes on, shared by all who ask; urql sends the operation again, once.
        refreshAuth: async () => void (await session.renew()),
      })),
      fetchExchange,
    ],
  })
}
