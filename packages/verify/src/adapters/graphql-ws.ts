import { bearerOf } from '../bearer.ts'
import type { Freshness } from '../feed/feed.ts'
import { isRefusal } from '../refusal.ts'
import type { Caller, Verifier } from '../verifier.ts'

type Socket = { close(code: number, reason: string): unknown }
type Connection = {
  connectionParams?: Readonly<Record<string, unknown>> | undefined
  extra: { socket: Socket; caller?: Caller }
}

/** The codes with which a connection ends: the token is refused or has ended, or the service cannot know (RFC 6455). */
const FORBIDDEN = 4403
const TRY_AGAIN_LATER = 1013

/**
 * Options for the server of graphql-ws. The client sends `connectionParams: { authorization: 'Bearer …' }`. The caller is
 * in `context.extra.caller`. When the session ends or the token expires, the connection is closed with 4403.
 */
export function servauthConnection(
  verifier: Verifier,
  { freshness = verifier.freshness }: { freshness?: Freshness } = {},
) {
  const stops = new WeakMap<object, () => void>()
  /** A client may leave while its token is checked. */
  const closed = new WeakSet<object>()
  return {
    async onConnect({ connectionParams, extra }: Connection) {
      const header = connectionParams?.authorization
      try {
        const caller = await verifier.verify(bearerOf(typeof header === 'string' ? header : null), {
          freshness,
        })
        if (closed.has(extra)) return undefined
        extra.caller = caller
        stops.set(
          extra,
          verifier.watch(caller, (reason) =>
            extra.socket.close(FORBIDDEN, reason === 'EXPIRED' ? 'Token expired' : 'Session ended'),
          ),
        )
        return true
      } catch (fault) {
        if (!isRefusal(fault)) throw fault
        // By hand, because `false` is answered with "Forbidden" whatever the reason is.
        const code = fault.status === 503 ? TRY_AGAIN_LATER : FORBIDDEN
        extra.socket.close(code, fault.message)
        return undefined
      }
    },
    onClose({ extra }: Connection) {
      closed.add(extra)
      stops.get(extra)?.()
    },
  }
}
