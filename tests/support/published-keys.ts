import type { JSONWebKeySet } from 'jose'

/** The keys with which services verify access tokens, as the server publishes them. */
export async function publishedKeys(server: {
  fetch: (path: string) => Promise<Response>
}): Promise<JSONWebKeySet> {
  return (await server.fetch('/.well-known/jwks.json')).json()
}
