import { readJson } from '../files/json.ts'
import { firstTextAt, flagAt, textAt, timeAt, toTotpKey, valueAt } from './fields.ts'
import { openFiles, type Row } from './file-source.ts'
import { type ForeignUser, NO_DETAILS } from './source.ts'

/**
 * Auth0: the export of password hashes that its support makes (NDJSON), or a file in the form of its bulk import. The id
 * of a user in Auth0 is `auth0|` and the id of the export.
 */
export const openAuth0 = (files: string[]) => openFiles({ system: 'auth0', files, read: readJson, toUser })

function toUser(row: Row): ForeignUser {
  const id = firstTextAt(row, '_id.$oid', 'user_id', '_id') ?? textAt(row, 'email') ?? ''
  const factors = toList(valueAt(row, 'mfa_factors'))
  const totpKeys = factors.flatMap((factor) => toTotpKey(textAt(factor, 'totp.secret')) ?? [])
  const others = toList(valueAt(row, 'identities')).flatMap((identity) => textAt(identity, 'provider') ?? [])
  const social = others.filter((provider) => provider !== 'auth0').join(' ')
  return {
    ...NO_DETAILS,
    id: id.includes('|') ? id : `auth0|${id}`,
    email: textAt(row, 'email') ?? '',
    emailVerified: flagAt(row, 'email_verified'),
    name: firstTextAt(row, 'username', 'name', 'nickname'),
    password: firstTextAt(row, 'passwordHash', 'password_hash', 'custom_password_hash.hash.value'),
    createdAt: timeAt(row, 'created_at'),
    updatedAt: timeAt(row, 'updated_at'),
    banned: flagAt(row, 'blocked'),
    totpKeys,
    secondFactor: factors.length > totpKeys.length,
    social: social || null,
  }
}

const toList = (value: unknown) => (Array.isArray(value) ? (value as Row[]) : [])
