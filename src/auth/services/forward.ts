import type { Caller, Viewer } from '../../contract/caller.ts'
import type { Forwarded } from '../../contract/outputs/forwarded.ts'
import { toAuthentication } from '../../contract/outputs/session.ts'
import { unauthenticated } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'

/**
 * How long the access token of a cookie is used again, so that a page with many requests signs one. Never for more than half
 * of its life.
 */
const MAX_REUSE_MS = 30_000

type Parts = Pick<Dependencies, 'accessTokens' | 'credentials' | 'requiredFactor'>

/** The caller of a request that a gateway asks about, with an access token for the service behind the gateway. */
export function createForward({ accessTokens, credentials, requiredFactor }: Parts) {
  /** By the viewer, so that a change of the user makes another one, and none stays longer than the session cache has it. */
  const tokens = new WeakMap<Viewer, { accessToken: string; untilMs: number }>()

  async function issueFor(cookie: string, viewer: Viewer) {
    const kept = tokens.get(viewer)
    if (kept && performance.now() < kept.untilMs) return kept.accessToken

    const identity = await credentials.identify({ bearer: null, cookie })
    if (!identity) throw unauthenticated('MISSING')
    const { user, session, secondsSinceClaims } = identity
    const { accessToken, accessTokenExpiresAt } = await accessTokens.issue({
      user: { ...user, secondsSinceClaims },
      sessionId: session.id,
      sessionExpiresAt: session.expiresAt,
      ...toAuthentication(session),
      isForEnrollment: false,
    })
    const lifeMs = new Date(accessTokenExpiresAt).getTime() - Date.now()
    tokens.set(viewer, { accessToken, untilMs: performance.now() + Math.min(MAX_REUSE_MS, lifeMs / 2) })
    return accessToken
  }

  return async function forward(caller: Caller): Promise<Forwarded> {
    const { bearer, cookie } = caller
    const viewer = await caller.view()
    if (!viewer) throw unauthenticated('MISSING')
    requiredFactor.refuseMissing(viewer)
    const accessToken = bearer ?? (await issueFor(cookie ?? '', viewer))
    return { userId: viewer.user.id, sessionId: viewer.sessionId, accessToken }
  }
}
