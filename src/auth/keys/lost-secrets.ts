import { and, asc, isNotNull, isNull } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { factors } from '../../db/schema/factors.ts'
import { webhooks } from '../../db/schema/webhooks.ts'
import type { Encryption } from './encryption.ts'

type Parts = { db: Db; encryption: Encryption; webhookEncryption: Encryption }

/** A million apps would take minutes. Those from before a lost secret are the oldest. */
const MAX_APPS = 1000

/** Counts what no known secret decrypts, as after an `AUTH_SECRET` that was replaced because it had leaked. */
export function createLostSecrets({ db, encryption, webhookEncryption }: Parts) {
  return async function countLostSecrets() {
    const apps = await db
      .select({ owner: factors.userId, sealed: factors.secret })
      .from(factors)
      .where(and(isNotNull(factors.secret), isNull(factors.removedAt)))
      .orderBy(asc(factors.createdAt))
      .limit(MAX_APPS)
    const ofWebhooks = await db
      .select({ owner: webhooks.id, sealed: webhooks.secrets })
      .from(webhooks)
      .where(isNotNull(webhooks.secrets))
    return { apps: countLost(encryption, apps), webhooks: countLost(webhookEncryption, ofWebhooks) }
  }
}

const countLost = ({ decrypt }: Encryption, rows: { owner: string; sealed: string | null }[]) =>
  rows.filter(({ owner, sealed }) => sealed && !decrypt(sealed, owner)).length
