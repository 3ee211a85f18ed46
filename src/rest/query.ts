import { z } from 'zod'
import { objectIn } from '../contract/operation.ts'

/** A fault names the parameter that the client sent, without the object of the input that it belongs to. */
export const toParameterName = (path: PropertyKey[]) => String(path.at(-1) ?? '')

/** A parameter that the query does not hold as the input has it: a field of the object of this name, no text, or both. */
type Parameter = { object: string; convert: Converter }

type Converter = (text: string) => unknown

/**
 * The input in a query string. The fields of an object stand beside the others, as OpenAPI's style `form` has them, and
 * words become booleans, and digits numbers. Everything else stays text, which the input parses.
 */
export function createQueryConverter(input: z.core.$ZodType) {
  const parameters = new Map(parametersOf(objectIn(input)))

  return function toInput(query: Record<string, string>): Record<string, unknown> {
    if (parameters.size === 0) return query
    const values = Object.entries(query).map(([name, text]) => {
      const { object, convert } = parameters.get(name) ?? { object: '', convert: toText }
      return { object, entry: [name, convert(text)] as const }
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
    const convert = converterOf(core)
    return object || convert !== toText ? [[name, { object, convert }]] : []
  })
}

const toObject = (values: { entry: readonly [string, unknown] }[]) =>
  Object.fromEntries(values.map(({ entry }) => entry))

function converterOf(schema: z.core.$ZodType): Converter {
  if (schema instanceof z.ZodBoolean) return toBoolean
  return schema instanceof z.ZodNumber ? toNumber : toText
}

const toText: Converter = (text) => text

const toNumber: Converter = (text) => (/^\d+$/.test(text) ? Number(text) : text)

const toBoolean: Converter = (text) => (text === 'true' ? true : text === 'false' ? false : text)

function coreOf(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapper =
    schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault
  if (isWrapper) return coreOf(schema.def.innerType)
  return schema
}
