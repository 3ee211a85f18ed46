import { pgTable, text, uuid, varchar } from 'drizzle-orm/pg-core'
import { createdAt, time } from './columns.ts'

/** Better-Auth's signing keys; the private half is encrypted with `AUTH_SECRET`. */
export const jwks = pgTable('jwks', {
  id: uuid().primaryKey().defaultRandom(),
  publicKey: text('public_key').notNull(),
  privateKey: text('private_key').notNull(),
  alg: varchar({ length: 16 }),
  crv: varchar({ length: 16 }),
  createdAt: createdAt(),
  expiresAt: time('expires_at'),
})

/** Keys of other services. A revoked one is kept, as a record. */
export const serviceKeys = pgTable('service_keys', {
  id: uuid().primaryKey().defaultRandom(),
  name: varchar({ length: 40 }).notNull(),
  /** SHA-256 of the key. */
  hash: varchar({ length: 64 }).notNull().unique(),
  scopes: text().array().notNull(),
  expiresAt: time('expires_at'),
  /** Written at most every five minutes. */
  lastUsedAt: time('last_used_at'),
  revokedAt: time('revoked_at'),
  createdAt: createdAt(),
})
