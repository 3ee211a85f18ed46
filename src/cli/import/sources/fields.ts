import { Secret } from 'otpauth'
import { z } from 'zod'
import { MAX_ROLES } from '../../../auth/administration/roles/user-roles.ts'
import { RoleName, UserClaims } from '../../../contract/fields.ts'
import { FieldError, type Row } from './file-source.ts'

/** An export can have anything anywhere. What an object has inherited is none of its fields. */
const memberOf = (value: unknown, key: string) =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Row)[key] : undefined

/** The value at a path such as `profile.email`. A name with dots counts before a path. */
export function valueAt(row: unknown, path: string): unknown {
  const named = memberOf(row, path)
  return named === undefined && path.includes('.') ? path.split('.').reduce(memberOf, row) : named
}

/** An empty list for anything else. */
export function listAt(row: unknown, path: string): unknown[] {
  const value = valueAt(row, path)
  return Array.isArray(value) ? value : []
}

/** The texts in a list. */
export const textsAt = (row: unknown, path: string) =>
  listAt(row, path).filter((value) => typeof value === 'string')

/** An object of JSON, or its text. An empty one for anything else. */
export function objectAt(row: unknown, path: string): Row {
  const value = valueAt(row, path)
  const given = typeof value === 'string' ? parseJson(value) : value
  return typeof given === 'object' && given !== null && !Array.isArray(given) ? (given as Row) : {}
}

/** Null for an empty or missing field. */
export function textAt(row: unknown, path: string): string | null {
  const value = valueAt(row, path)
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return typeof value === 'string' && value !== '' ? value : null
}

/** A hash that is no text is of no kind that is known. Without one, its account would count as one without a password. */
export function hashAt(row: unknown, path: string): string | null {
  const value = valueAt(row, path) ?? ''
  return value === '' ? null : (textAt(row, path) ?? 'no text')
}

/** A large number of JSON is rounded, so it could be the id of another account. */
export function idAt(row: unknown, path: string): string | null {
  const value = valueAt(row, path)
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return textAt(row, path)
  throw new FieldError(`${path} must be a text or a whole number up to ${Number.MAX_SAFE_INTEGER}.`)
}

/** The first of several fields that has a text. */
export const firstTextAt = (row: unknown, ...paths: string[]) =>
  paths.reduce<string | null>((found, path) => found ?? textAt(row, path), null)

const YES = new Set(['true', 't', 'yes', 'y', '1'])
const NO = new Set(['false', 'f', 'no', 'n', '0'])

/** A truth value, or a time since when something is so. A missing field is false. */
export function flagAt(row: unknown, path: string): boolean {
  const value = valueAt(row, path)
  if (typeof value === 'boolean') return value
  const text = textAt(row, path)?.toLowerCase() ?? 'false'
  if (YES.has(text)) return true
  if (NO.has(text)) return false
  if (toTime(text)) return true
  throw new FieldError(`${path} must be true, false or a time.`)
}

/** A time in ISO 8601, as PostgreSQL writes it, or as seconds or milliseconds since 1970. Without a zone it is UTC. */
export function timeAt(row: unknown, path: string): Date | null {
  const text = textAt(row, path)
  if (text === null) return null
  const time = toTime(text)
  if (!time) throw new FieldError(`${path} must be a time, such as 2024-05-06T07:08:09Z.`)
  return time
}

/** Larger numbers are milliseconds: as seconds they would be after the year 5000. */
const MAX_SECONDS = 1e11

const Day = z.iso.date()

function toTime(text: string): Date | null {
  if (/^\d{9,16}(?:\.\d+)?$/.test(text)) {
    return toStorable(Number(text) * (Number(text) < MAX_SECONDS ? 1000 : 1))
  }
  const [match, day, clock = '00:00:00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i.exec(
      text,
    ) ?? []
  // A day that no month has would become one of the next month.
  if (!match || !Day.safeParse(day).success) return null
  const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : /^(z|utc)$/i.test(zone) ? 'Z' : zone
  return toStorable(Date.parse(`${day}T${clock.replace(/(\.\d{3})\d+$/, '$1')}${offset}`))
}

/** Null for a time that is infinite, or in a year that PostgreSQL does not take from a Date. */
export function toStorable(millis: number): Date | null {
  const time = new Date(millis)
  const year = time.getUTCFullYear()
  return year >= 1 && year <= 9999 ? time : null
}

const Roles = z.array(RoleName).max(MAX_ROLES)

/** Names of roles: a list, or a text with commas or blanks between them. */
export function rolesAt(row: unknown, path: string): string[] {
  const value = valueAt(row, path)
  const names = Array.isArray(value)
    ? value
    : (textAt(row, path)
        ?.split(/[\s,]+/)
        .filter(Boolean) ?? [])
  const { data } = Roles.safeParse(names)
  if (data) return [...new Set(data)]
  throw new FieldError(`${path} must be at most ${MAX_ROLES} names of roles.`)
}

/** An object of JSON, or its text. */
export function claimsAt(row: unknown, path: string): Record<string, unknown> {
  const value = valueAt(row, path)
  const { data } = UserClaims.safeParse(typeof value === 'string' ? parseJson(value) : (value ?? {}))
  if (data) return data
  throw new FieldError(`${path} must be an object of JSON with claims that are allowed.`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Shorter keys can be guessed from a few codes; 80 bits are usual. RFC 4226 asks for 128 (section 4, R6). */
const MIN_TOTP_KEY_BYTES = 10
const MAX_TOTP_KEY_BYTES = 128

const isUsualLength = ({ bytes }: Secret) =>
  bytes.length >= MIN_TOTP_KEY_BYTES && bytes.length <= MAX_TOTP_KEY_BYTES

/** The key of an app that takes the text itself as the key, as this server stores it. */
export function toTotpKeyOfText(text: string): string | null {
  const key = Secret.fromUTF8(text)
  return isUsualLength(key) ? key.base32 : null
}

/** The key of an authenticator app as this server stores it. Null if it is not Base32, or its length is not usual. */
export function toTotpKey(base32: string | null): string | null {
  try {
    const key = base32 ? Secret.fromBase32(base32.replace(/[\s=-]/g, '').toUpperCase()) : null
    return key && isUsualLength(key) ? key.base32 : null
  } catch {
    return null
  }
}
