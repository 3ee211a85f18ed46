import { z } from 'zod'
import { objectIn } from '../contract/operation.ts'

/** A parameter that the query does not hold as the input has it: a field of the object of this name, a boolean, or both. */
type Parameter = { object: string; isBoolean: boolean }

/**
 * The input in a query string. The fields of an object stand beside the others, as OpenAPI's style `form` has them, and
 * words become booleans. Everything else stays text, which the input parses.
 */
export function createQueryConverter(input: z.core.$ZodType) {
  const parameters = new Map(parametersOf(objectIn(input)))

  return function toInput(query: Record<string, string>): Record<string, unknown> {
    if (parameters.size === 0) return query
    const values = Object.entries(query).map(([name, text]) => {
      const { object, isBoolean } = parameters.get(name) ?? { object: '', isBoolean: false }
      return { object, entry: [name, isBoolean ? toBoolean(text) : text] as const }
    })
    const { '': top = [], ...nested } = Object.groupBy(values, ({ object }) => object)
    const objects = Object.entries(nested).map(([object, fields = []]) => [object, toObject(fields)])
    return { ...toObject(top), ...Object.fromEntries(objects) }
  }
}

/** @param object the name of the object that has these fields; none for those of the input itself */
function parametersOf({ shape }: z.ZodObject, object = ''): [name: string, Parameter][] {
  return Object.entries(shape).flatMap(([name, field]) => {
    const core = coreOf(field)
    if (core instanceof z.ZodObject) return parametersOf(core, name)
    const isBoolean = core instanceof z.ZodBoolean
    return object || isBoolean ? [[name, { object, isBoolean }]] : []
  })
}

const toObject = (values: { entry: readonly [string, unknown] }[]) =>
  Object.fromEntries(values.map(({ entry }) => entry))

const toBoolean = (text: string) => (text === 'true' ? true : text === 'false' ? false : text)

function coreOf(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapper =
    schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault
  if (isWrapper) return coreOf(schema.def.innerType)
  return schema
}
