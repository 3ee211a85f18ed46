import { z } from 'zod'
import { UserId } from '../fields.ts'
import { Time } from './fields.ts'

export const User = z
  .strictObject({
    id: UserId.meta({ examples: ['0b8d3f0e-6f0a-4c1e-9d57-3f1d2a7c9b10'] }),
    email: z.string().meta({ examples: ['ada@example.com'] }),
    emailVerified: z.boolean(),
    pendingEmail: z
      .string()
      .nullable()
      .meta({
        description: 'The new address that replaces `email` as soon as its owner confirms it.',
        examples: [null],
      }),
    username: z
      .string()
      .nullable()
      .meta({ examples: ['Ada'] }),
    locale: z
      .string()
      .nullable()
      .meta({ description: 'The language of the mails, as a tag of BCP 47.', examples: ['de-AT'] }),
    roles: z
      .array(z.string())
      .meta({ description: 'The names of the roles of the user.', examples: [['support']] }),
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'User' })
export type User = z.output<typeof User>

/** Its fields, whose columns have the same names. */
export const USER_FIELDS = Object.keys(User.shape) as (keyof User)[]

/** Picks the public fields of a row, which has more columns than clients may see. */
export function toUser(row: User): User {
  const { id, email, emailVerified, pendingEmail, username, locale, roles, createdAt, updatedAt } = row
  return { id, email, emailVerified, pendingEmail, username, locale, roles, createdAt, updatedAt }
}
