import { symmetricDecrypt, symmetricEncrypt } from 'better-auth/crypto'
import { and, asc, eq, gt, isNotNull, ne } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { factors } from '../../db/schema/factors.ts'
import { jwks } from '../../db/schema/keys.ts'
import { webhooks } from '../../db/schema/webhooks.ts'
import type { Encryption } from './encryption.ts'
import type { Secrets } from './sealed-tokens.ts'

const MAX_BATCH_ROWS = 500

/** Encrypts again, with `AUTH_SECRET`, the signing keys that only the previous secret decrypts. */
export async function reencryptSigningKeys({ db, secrets }: { db: Db; secrets: Secrets }) {
  const [current, previous] = secrets
  if (!previous) return
  for (const { id, privateKey } of await db.select().from(jwks).where(ne(jwks.privateKey, ''))) {
    const data: string = JSON.parse(privateKey)
    const isCurrent = await symmetricDecrypt({ key: current, data }).then(
      () => true,
      () => false,
    )
    if (isCurrent) continue
    // A key of neither secret stays as it is, and is reported when it should sign.
    const text = await symmetricDecrypt({ key: previous, data }).catch(() => null)
    if (text === null) continue
    const encrypted = JSON.stringify(await symmetricEncrypt({ key: current, data: text }))
    const isUnchanged = and(eq(jwks.id, id), eq(jwks.privateKey, privateKey))
    await db.update(jwks).set({ privateKey: encrypted }).where(isUnchanged)
  }
}

/** The same for the keys of authenticator apps. Both secrets decrypt them meanwhile. */
export async function reencryptFactors({ db, encryption }: { db: Db; encryption: Encryption }) {
  if (!encryption.hasPrevious) return
  let last = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const rows = await db
      .select({ id: factors.id, userId: factors.userId, secret: factors.secret })
      .from(factors)
      .where(and(gt(factors.id, last), isNotNull(factors.secret)))
      .orderBy(asc(factors.id))
      .limit(MAX_BATCH_ROWS)
    for (const { id, userId, secret } of rows) {
      if (secret === null) continue
      const key = encryption.decrypt(secret, userId)
      if (!key?.isOutdated) continue
      const isUnchanged = and(eq(factors.id, id), eq(factors.secret, secret))
      await db
        .update(factors)
        .set({ secret: encryption.encrypt(key.text, userId) })
        .where(isUnchanged)
    }
    last = rows.at(-1)?.id ?? last
    if (rows.length < MAX_BATCH_ROWS) return
  }
}

/** The same for the secrets of webhooks, of which there are few. */
export async function reencryptWebhooks({ db, encryption }: { db: Db; encryption: Encryption }) {
  if (!encryption.hasPrevious) return
  const { id: webhookId, secrets: column } = webhooks
  for (const { id, secrets } of await db.select({ id: webhookId, secrets: column }).from(webhooks)) {
    if (secrets === null) continue
    const opened = encryption.decrypt(secrets, id)
    if (!opened?.isOutdated) continue
    const isUnchanged = and(eq(webhookId, id), eq(column, secrets))
    await db
      .update(webhooks)
      .set({ secrets: encryption.encrypt(opened.text, id) })
      .where(isUnchanged)
  }
}
