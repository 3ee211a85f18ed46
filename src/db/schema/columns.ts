import { timestamp } from 'drizzle-orm/pg-core'

export const time = (name: string) => timestamp(name, { withTimezone: true })
export const createdAt = () => time('created_at').notNull().defaultNow()
/** A trigger keeps it current, so that a change by plain SQL counts too. */
export const updatedAt = () => time('updated_at').notNull().defaultNow()
