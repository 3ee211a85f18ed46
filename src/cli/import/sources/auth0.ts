import { readJson } from '../files/json.ts'
import { indexLines, type LineIndex } from '../files/line-index.ts'
import { firstTextAt, flagAt, hashAt, listAt, objectAt, textAt, timeAt, toTotpKey } from './fields.ts'
import { openFiles, type Row } from './file-source.ts'
import { toGrants } from './grants.ts'
import { type ForeignUser, NO_DETAILS, type Source } from './source.ts'

/**
 * Auth0: its export of users, with the file of password hashes that its support makes (NDJSON). The file of hashes alone
 * is enough, and so is a file in the form of its bulk import. The id of a user in Auth0 is `auth0|` and that of the file.
 */
export async function openAuth0(files: string[], hashFile: string | undefined): Promise<Source> {
  const hashes = hashFile === undefined ? undefined : await indexLines(hashFile, readId)
  const source = await openFiles({ system: 'auth0', files, read: readJson, toUser })
  if (!hashes) return source
  return {
    ...source,
    async *users() {
      for await (const users of source.users()) yield await Promise.all(users.map(addHash(hashes)))
    },
    close: () => hashes.close(),
  }
}

/** Users of another connection than the database of Auth0 have no line in the file of hashes. */
const addHash = (hashes: LineIndex) => async (user: ForeignUser) => {
  if (user.password !== null) return user
  const found = await hashes.find(user.id)
  return found ? { ...user, password: readHash(found) } : user
}

function readId(row: Row) {
  const id = firstTextAt(row, '_id.$oid', 'user_id', '_id')
  return id === null || id.includes('|') ? id : `auth0|${id}`
}

const readHash = (row: Row) =>
  hashAt(row, 'passwordHash') ?? hashAt(row, 'password_hash') ?? readCustomHash(row)

/** A hash over more than the password in UTF-8 is given on as its kind alone, so that the report shows it as unknown. */
function readCustomHash(row: Row) {
  const custom = objectAt(row, 'custom_password_hash')
  const isOfPassword =
    textAt(custom, 'salt.value') === null &&
    /^(?:utf-?8|ascii)$/i.test(textAt(custom, 'password.encoding') ?? 'utf8')
  return isOfPassword ? hashAt(custom, 'hash.value') : (textAt(custom, 'algorithm') ?? 'salted')
}

function toUser(row: Row): ForeignUser {
  const id = readId(row) ?? `auth0|${textAt(row, 'email') ?? ''}`
  const factors = listAt(row, 'mfa_factors')
  const totpKeys = factors.flatMap((factor) => toTotpKey(textAt(factor, 'totp.secret')) ?? [])
  const listed = listAt(row, 'identities').flatMap((identity) => textAt(identity, 'provider') ?? [])
  const providers = listed.length > 0 ? listed : [id.split('|')[0] ?? '']
  return {
    ...NO_DETAILS,
    id,
    email: textAt(row, 'email') ?? '',
    emailVerified: flagAt(row, 'email_verified'),
    name: firstTextAt(row, 'username', 'name', 'nickname'),
    password: readHash(row),
    createdAt: timeAt(row, 'created_at'),
    updatedAt: timeAt(row, 'updated_at'),
    banned: flagAt(row, 'blocked'),
    totpKeys,
    secondFactor: factors.length > totpKeys.length,
    social: providers.filter((provider) => provider !== 'auth0').join(' ') || null,
    ...toGrants(objectAt(row, 'app_metadata')),
  }
}
