import { Secret } from 'otpauth'
import { z } from 'zod'
import { MAX_ROLES } from '../../../auth/administration/user-roles.ts'
import { RoleName, UserClaims } from '../../../contract/fields.ts'
import { FieldError, type Row } from './file-source.ts'

/** The value at a path such as `profile.email`. A name with dots counts before a path. */
export function valueAt(row: Row, path: string): unknown {
  if (path in row) return row[path]
  let value: unknown = row
  for (const key of path.split('.')) {
    value = typeof value === 'object' && value !== null ? (value as Row)[key] : undefined
  }
  return value
}

/** Null for an empty or missing field. */
export function textAt(row: Row, path: string): string | null {
  const value = valueAt(row, path)
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return typeof value === 'string' && value !== '' ? value : null
}

/** The first of several fields that has a text. */
export const firstTextAt = (row: Row, ...paths: string[]) =>
  paths.reduce<string | null>((found, path) => found ?? textAt(row, path), null)

const YES = new Set(['true', 't', 'yes', 'y', '1'])
const NO = new Set(['false', 'f', 'no', 'n', '0'])

/** A truth value, or a time since when something is so. A missing field is false. */
export function flagAt(row: Row, path: string): boolean {
  const value = valueAt(row, path)
  if (typeof value === 'boolean') return value
  const text = textAt(row, path)?.toLowerCase() ?? 'false'
  if (YES.has(text)) return true
  if (NO.has(text)) return false
  if (toTime(text)) return true
  throw new FieldError(`${path} must be true, false or a time.`)
}

/** A time in ISO 8601, as PostgreSQL writes it, or as seconds or milliseconds since 1970. Without a zone it is UTC. */
export function timeAt(row: Row, path: string): Date | null {
  const text = textAt(row, path)
  if (text === null) return null
  const time = toTime(text)
  if (!time) throw new FieldError(`${path} must be a time, such as 2024-05-06T07:08:09Z.`)
  return time
}

/** Larger numbers are milliseconds: as seconds they would be after the year 5000. */
const MAX_SECONDS = 1e11

function toTime(text: string): Date | null {
  if (/^\d{9,16}(?:\.\d+)?$/.test(text)) {
    return new Date(Number(text) * (Number(text) < MAX_SECONDS ? 1000 : 1))
  }
  const [match, day, clock = '00:00:00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i.exec(
      text,
    ) ?? []
  if (!match) return null
  const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : /^(z|utc)$/i.test(zone) ? 'Z' : zone
  const time = new Date(`${day}T${clock.replace(/(\.\d{3})\d+$/, '$1')}${offset}`)
  return Number.isNaN(time.getTime()) ? null : time
}

const Roles = z.array(RoleName).max(MAX_ROLES)

/** Names of roles: a list, or a text with commas or blanks between them. */
export function rolesAt(row: Row, path: string): string[] {
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
export function claimsAt(row: Row, path: string): Record<string, unknown> {
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

/** The key of an authenticator app as this server stores it. Null if it is not Base32. */
export function toTotpKey(base32: string | null): string | null {
  try {
    const key = base32 ? Secret.fromBase32(base32.replace(/[\s=-]/g, '').toUpperCase()) : null
    return key && key.bytes.length > 0 ? key.base32 : null
  } catch {
    return null
  }
}
