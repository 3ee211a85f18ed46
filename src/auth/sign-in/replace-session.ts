import { type Caller, findIdentity } from '../../contract/caller.ts'
import type { SessionCache } from '../sessions/session-cache.ts'

/** Every way to sign in runs inside this: the caller's former session ends when the new one opens. */
export const createReplaceSession = ({ sessionCache }: { sessionCache: SessionCache }) =>
  /** @param open ends the former session in the transaction that opens the new one */
  async function replaceSession<Opened>(
    caller: Caller,
    open: (formerSessionId: string | undefined) => Promise<Opened>,
  ) {
    const formerSessionId = (await findIdentity(caller))?.session.id
    const opened = await open(formerSessionId)
    if (formerSessionId) sessionCache.evict(formerSessionId)
    return opened
  }
