import { hash } from 'node:crypto'
import { and, inArray, isNotNull, isNull, notInArray, type SQL, sql } from 'drizzle-orm'
import type { Db, Executor } from '../db/client.ts'
import { webhooks } from '../db/schema/webhooks.ts'
import { hexToUuid8 } from '../db/uuid.ts'
import type { Env } from '../env.ts'
import { GONE } from './attempt.ts'

/** The secrets of a webhook as the table has them; null if they are those of the settings. */
export type SealedSecrets = { id: string; secrets: string | null }

/** The row that makes triggers keep events for readers. */
const PULL = 'pull'

/** Makes the table of webhooks say what the settings say. Events of one that the settings no longer have wait there. */
export async function storeWebhooks(db: Db, { WEBHOOKS, EVENT_PULL }: Pick<Env, 'WEBHOOKS' | 'EVENT_PULL'>) {
  const rows = [
    ...WEBHOOKS.map((url) => ({ id: toWebhookId(url), url })),
    ...(EVENT_PULL ? [{ id: toWebhookId(PULL), url: null }] : []),
  ]
  const ids = rows.map(({ id }) => id)
  const isOfSettings = isNull(webhooks.secrets)
  if (rows.length === 0) return disable(db, isOfSettings)
  await db.transaction(async (tx) => {
    await tx.insert(webhooks).values(rows).onConflictDoNothing()
    await tx
      .update(webhooks)
      .set({ disabledAt: null, fault: null })
      .where(and(isOfSettings, inArray(webhooks.id, ids), isNotNull(webhooks.disabledAt)))
    await disable(tx, and(isOfSettings, notInArray(webhooks.id, ids)))
  })
}

/**
 * For a receiver that says that it is gone for good. Not if the webhook has another URL since its request began.
 * @returns whether the webhook was enabled
 */
export const disableGone = (db: Db, { webhookId, url }: { webhookId: string; url: string }) =>
  disable(db, sql`${webhooks.id} = ${webhookId}::uuid and ${webhooks.url} = ${url}`, GONE)

async function disable(executor: Executor, which: SQL | undefined, fault: string | null = null) {
  const { count } = await executor
    .update(webhooks)
    .set({ disabledAt: sql`now()`, fault })
    .where(and(which, isNull(webhooks.disabledAt)))
  return count > 0
}

/** The id of the webhook of a URL, the same in every replica. */
export const toWebhookId = (url: string) => hexToUuid8(hash('sha256', url), 'a')
