import { randomUUID } from 'node:crypto'
import { and, asc, eq, isNotNull, sql } from 'drizzle-orm'
import type { Act } from '../../contract/administrator.ts'
import { requireRowId } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { ChangedWebhook, Webhook } from '../../contract/outputs/administration/webhook.ts'
import type { Executor } from '../../db/client.ts'
import { LOCKS } from '../../db/locks.ts'
import { webhooks as table, type WebhookRow } from '../../db/schema/webhooks.ts'
import type { Env } from '../../env.ts'
import { AuthError, invalid } from '../../errors.ts'
import { toWebhookId } from '../../webhooks/stored.ts'
import { createTargetFinder, DeliveryFault, type TargetSettings } from '../../webhooks/target.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordAdministration } from '../events/administration-events.ts'
import { createSecret, MAX_SECRETS, toShownSecret } from './webhook-secrets.ts'

/** Each change of a user writes a delivery for every webhook, and every replica has a worker for each. */
export const MAX_WEBHOOKS = 20

type Parts = Pick<Dependencies, 'db' | 'webhookSecrets'> & {
  settings: TargetSettings & Pick<Env, 'WEBHOOKS'>
}
type PutInput = InputOf<'putWebhook'>

/** Lists, creates, changes and deletes webhooks. Triggers of the table notify the workers of every replica. */
export function createManagedWebhooks({ db, webhookSecrets, settings }: Parts) {
  const findTarget = createTargetFinder(settings)

  function toWebhook({ id, url, types, secrets, disabledAt, fault, createdAt }: WebhookRow): Webhook {
    const shown = webhookSecrets.open({ id, secrets }).map(toShownSecret)
    return {
      id,
      url: url ?? '',
      types,
      ofSettings: secrets === null,
      secrets: shown,
      disabledAt,
      fault,
      createdAt,
    }
  }

  /** @throws `INVALID_INPUT` for a URL that events may not be sent to */
  async function refuseTarget(url: string) {
    const { protocol, hostname } = new URL(url)
    if (settings.NODE_ENV === 'production' && protocol !== 'https:') throw invalid('url', 'Must be https.')
    await findTarget(hostname).catch((fault: unknown) => {
      throw fault instanceof DeliveryFault ? invalid('url', `Cannot be called: ${fault.message}.`) : fault
    })
  }

  /** The secrets after a change, and the one that the server has created. */
  function renewSecrets({ secret, newSecret, endFormerSecret }: PutInput, present: readonly string[]) {
    const kind = newSecret ?? (secret || present.length > 0 ? null : 'HMAC')
    const created = kind ? createSecret(kind) : null
    const all = [...new Set([secret ?? created ?? [], present].flat())]
    return { created, secrets: all.slice(0, endFormerSecret ? 1 : MAX_SECRETS) }
  }

  return {
    /** Oldest first. The row that keeps events for readers is no webhook. */
    async webhooks(): Promise<Webhook[]> {
      const rows = await db
        .select()
        .from(table)
        .where(isNotNull(table.url))
        .orderBy(asc(table.createdAt), table.id)
      return rows.map(toWebhook)
    },

    /** @throws `NOT_FOUND`, or `INVALID_INPUT` for a URL that cannot be, a webhook of the settings, and too many */
    async putWebhook(input: PutInput, act: Act): Promise<ChangedWebhook> {
      const { url, types = null, disabled } = input
      await refuseTarget(url)
      return db.transaction(async (tx) => {
        const present = input.id ? await findWebhook(tx, input.id) : await lockCount(tx)
        await act.administrator.assertCurrent(tx)
        if (present?.secrets === null) throw ofSettings()
        if (!present && (await tx.$count(table, isNotNull(table.secrets))) >= MAX_WEBHOOKS) throw tooMany()
        const id = present?.id ?? randomUUID()
        const { created, secrets } = renewSecrets(input, present ? webhookSecrets.open(present) : [])
        const disabledAt = disabled ? sql`coalesce(${table.disabledAt}, now())` : null
        const values = { url, types, secrets: webhookSecrets.seal(id, secrets), fault: null }
        const [row] = present
          ? await tx
              .update(table)
              .set({ ...values, disabledAt })
              .where(eq(table.id, id))
              .returning()
          : await tx
              .insert(table)
              .values({ ...values, id, disabledAt: disabled ? sql`now()` : null })
              .returning()
        await recordAdministration(tx, 'webhook_changed', { detail: describeWebhook(id, url) }, act)
        // Receivers of Ed25519 need only the public key, so the private one never leaves the server.
        const secret = created && toShownSecret(created).kind === 'HMAC' ? created : null
        return { webhook: toWebhook(row as WebhookRow), secret }
      })
    },

    /** Housekeeping deletes its deliveries together with their events. @throws `NOT_FOUND`, `INVALID_INPUT` */
    async deleteWebhook({ id }: InputOf<'deleteWebhook'>, act: Act) {
      await db.transaction(async (tx) => {
        const { url, secrets, disabledAt } = await findWebhook(tx, id)
        await act.administrator.assertCurrent(tx)
        // One that the settings no longer have can go. This program may have others than the servers, which then disable it.
        const isInSettings = disabledAt === null || settings.WEBHOOKS.some((one) => toWebhookId(one) === id)
        if (secrets === null && isInSettings) throw ofSettings()
        await tx.delete(table).where(eq(table.id, id))
        await recordAdministration(tx, 'webhook_deleted', { detail: describeWebhook(id, url) }, act)
      })
      return true
    },
  }
}

/** Several new ones at once would each count the webhooks before the others are there. */
async function lockCount(tx: Executor) {
  await tx.execute(sql`select pg_advisory_xact_lock(${LOCKS.webhooks})`)
  return undefined
}

/** Locks the row. @throws `NOT_FOUND` */
export async function findWebhook(tx: Executor, id: string): Promise<WebhookRow & { url: string }> {
  requireRowId(id)
  const [row] = await tx
    .select()
    .from(table)
    .where(and(eq(table.id, id), isNotNull(table.url)))
    .for('update')
  if (!row || row.url === null) throw new AuthError('NOT_FOUND')
  return { ...row, url: row.url }
}

/** For the events of administration. The rest of the URL may be a secret of the receiver. */
export const describeWebhook = (id: string, url: string) =>
  `${id} ${URL.parse(url)?.origin ?? 'without a valid URL'}`

const ofSettings = () => invalid('id', 'Is a webhook of the settings. Change WEBHOOKS instead.')
const tooMany = () => invalid('url', `There are ${MAX_WEBHOOKS} webhooks. Delete those that are not used.`)
