import type { z } from 'zod'
import { type FieldFault, invalidFields, MAX_REPORTED_FIELDS } from '../errors.ts'

/** How a field is named to the client. */
type Naming = (path: PropertyKey[]) => string

/** In dotted names from the root of the input. */
const toDottedNames: Naming = (path) => path.join('.')

/** Parses, or refuses with `INVALID_INPUT` and every field that is at fault. */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  toName?: Naming,
): z.output<Schema> {
  const { success, data, error } = schema.safeParse(value)
  if (!success) throw invalidInput(error, toName)
  return data
}

/** The first fault of each field. It repeats no value. */
export function invalidInput({ issues }: Pick<z.ZodError, 'issues'>, toName = toDottedNames) {
  const faults = issues.flatMap(({ path, message, ...issue }): FieldFault[] => {
    // The words of the GraphQL adapter for what is missing.
    const isMissing = issue.code === 'invalid_type' && message.endsWith('received undefined')
    if (issue.code !== 'unrecognized_keys')
      return [{ path: toName(path), message: isMissing ? 'Is required.' : message }]
    return issue.keys.slice(0, MAX_REPORTED_FIELDS).map((key) => ({
      path: toName([...path, key.slice(0, 100)]),
      message: 'Is not a known field.',
    }))
  })
  return invalidFields(faults)
}
