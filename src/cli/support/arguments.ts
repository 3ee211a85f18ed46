import { InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { AccountInput, Moment, RoleName } from '../../contract/fields.ts'

/** The arguments and options that several commands take. Each parser refuses with what the value must be. */

export const LIMIT = ['--limit <rows>', 'how many at most', parseLimit, 100] as const
export const JSON_OUTPUT = ['--json', 'print the result as JSON'] as const

export function parseAddress(value: string) {
  const { data } = AccountInput.safeParse({ email: value })
  if (!data) throw new InvalidArgumentError('It must be an e-mail address.')
  return data.email
}

export function parseMoment(value: string) {
  const { data } = Moment.safeParse(value)
  if (data === undefined) throw new InvalidArgumentError('It must be a time such as 2026-11-24T10:15:00Z.')
  return data
}

export function parseRole(value: string) {
  if (RoleName.safeParse(value).success) return value
  throw new InvalidArgumentError('It must be the name of a role.')
}

/** The id of a row that a list shows. `list` is the command of that list. */
export const parseIdOf =
  (what: string, list: string, isId: (value: string) => unknown = isGuid) =>
  (value: string) => {
    if (isId(value)) return value
    throw new InvalidArgumentError(`It must be the id of a ${what}, from "servauth ${list}".`)
  }
const isGuid = (value: string) => z.guid().safeParse(value).success

function parseLimit(value: string) {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value)
  throw new InvalidArgumentError('It must be a whole number from 1 to 999999.')
}
