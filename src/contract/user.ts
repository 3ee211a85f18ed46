import type { User } from './outputs.ts'

/** The public user, picked and not passed on: a row has more columns than we publish. */
export function toUser({
  id,
  email,
  emailVerified,
  pendingEmail,
  username,
  createdAt,
  updatedAt,
}: User): User {
  return { id, email, emailVerified, pendingEmail, username, createdAt, updatedAt }
}
