import { z } from 'zod'
import { Text } from './text.ts'

/** How many objects and arrays may be inside each other. Browsers send three. */
export const MAX_JSON_DEPTH = 8

/** Zod leaves a field of this name out without an error, and other programs take it for the prototype of an object. */
const PROTOTYPE = '__proto__'

/** Whether a value of JSON has a field that would be lost. Deeper values than `Json` allows are refused for their depth. */
const hasPrototype = (value: unknown, levels = MAX_JSON_DEPTH): boolean =>
  isObject(value) &&
  levels > 0 &&
  (Object.hasOwn(value, PROTOTYPE) ||
    Object.values(value).some((member: unknown) => hasPrototype(member, levels - 1)))

/** An object of another standard, which this server passes on as it is: `JSON` in GraphQL. */
export const Json = z
  .preprocess(
    (value, { addIssue }) => {
      if (hasPrototype(value)) addIssue(`Must not have a field ${PROTOTYPE}.`)
      return value
    },
    z.record(z.string(), z.unknown()),
  )
  .refine((value) => isShallow(value, MAX_JSON_DEPTH), {
    error: `Must have at most ${MAX_JSON_DEPTH} objects inside each other.`,
    abort: true,
  })
  .refine((value) => isText(value), 'Must not contain control characters.')

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Whether a value of JSON is an object, and not an array. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  isObject(value) && !Array.isArray(value)

/** Whether a value of JSON has at most this many levels. */
const isShallow = (value: unknown, levels: number): boolean =>
  !isObject(value) ||
  (levels > 0 && Object.values(value).every((member: unknown) => isShallow(member, levels - 1)))

/** Whether all texts in a value of JSON are free of control characters. */
const isText = (value: unknown): boolean =>
  isObject(value)
    ? Object.entries(value).flat().every(isText)
    : typeof value !== 'string' || Text.safeParse(value).success
