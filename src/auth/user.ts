import type { UserRow } from '../db/schema.ts'

export type User = ReturnType<typeof toUser>
type Shown = 'id' | 'email' | 'emailVerified' | 'pendingEmail' | 'username' | 'createdAt' | 'updatedAt'

/** The public user, picked and not passed on: a row has more columns than we publish. */
export function toUser({
  id,
  email,
  emailVerified,
  pendingEmail,
  username,
  createdAt,
  updatedAt,
}: Pick<UserRow, Shown>) {
  return { id, email, emailVerified, pendingEmail, username, createdAt, updatedAt }
}
