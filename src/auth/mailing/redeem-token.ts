import type { Db, Executor } from '../../db/client.ts'
import type { UserRow } from '../../db/schema/users.ts'
import type { SessionCache } from '../sessions/session-cache.ts'
import type { MailedToken, MailedTokens, TokenPurpose } from './mailed-tokens.ts'

type Parts = { db: Db; mailedTokens: MailedTokens; sessionCache: SessionCache }

/** Every change that a mailed token allows runs inside this. */
export const createRedeemToken = ({ db, mailedTokens, sessionCache }: Parts) =>
  /**
   * Uses the token up, and locks its user for `change`. If that throws, the token stays valid.
   * @throws `INVALID_TOKEN`
   */
  async function redeemToken<T>(
    token: string,
    purposes: TokenPurpose[],
    change: (tx: Executor, user: UserRow, token: MailedToken) => Promise<T>,
  ) {
    const { lockedIds, result } = await db.transaction(async (tx) => {
      const { user, lockedIds, ...redeemed } = await mailedTokens.consume(tx, token, ...purposes)
      return { lockedIds, result: await change(tx, user, redeemed) }
    })
    for (const id of lockedIds) sessionCache.evict(id)
    return result
  }
