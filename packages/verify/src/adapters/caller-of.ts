import { bearerOf } from '../bearer.ts'
import type { Freshness } from '../feed/feed.ts'
import type { Caller, Verifier } from '../verifier.ts'

export type Options = {
  /** Whether requests without a token are refused. Default: true. */
  required?: boolean
  /** Default: that of the verifier. */
  freshness?: Freshness
}

/** The caller of a request with this `Authorization` header; null if it has no token and none is required. */
export async function callerOf(
  verifier: Verifier,
  header: string | null | undefined,
  { required = true, freshness = verifier.freshness }: Options,
): Promise<Caller | null> {
  const token = bearerOf(header)
  return token === null && !required ? null : verifier.verify(token, { freshness })
}
