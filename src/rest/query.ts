import { z } from 'zod'
import { objectIn } from '../contract/operation.ts'

/**
 * The input in a query string. The fields of an object stand beside the others, as OpenAPI's style `form` has them, and
 * words become booleans. Everything else stays text, which the input parses.
 */
export function createQueryReader(input: z.core.$ZodType) {
  const { shape } = objectIn(input)
  const objects = Object.entries(shape).flatMap(([name, field]) => {
    const core = coreOf(field)
    return core instanceof z.ZodObject ? [{ name, fields: Object.keys(core.shape) }] : []
  })
  const flat = [
    shape,
    ...objects.map(({ name }) => (coreOf(shape[name] as z.core.$ZodType) as z.ZodObject).shape),
  ]
  const booleans = new Set(
    flat.flatMap((fields) =>
      Object.keys(fields).filter((name) => coreOf(fields[name] as never) instanceof z.ZodBoolean),
    ),
  )

  return function readQuery(query: Record<string, string>): Record<string, unknown> {
    if (objects.length === 0 && booleans.size === 0) return query
    const values = Object.entries(query).map(
      ([name, text]) => [name, booleans.has(name) ? toBoolean(text) : text] as const,
    )
    const inner = new Set(objects.flatMap(({ fields }) => fields))
    const top = values.filter(([name]) => !inner.has(name))
    const nested = objects.flatMap(({ name, fields }) => {
      const own = values.filter(([field]) => fields.includes(field))
      return own.length > 0 ? [[name, Object.fromEntries(own)]] : []
    })
    return Object.fromEntries([...top, ...nested])
  }
}

const toBoolean = (text: string) => (text === 'true' ? true : text === 'false' ? false : text)

function coreOf(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapper =
    schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault
  if (isWrapper) return coreOf(schema.def.innerType)
  return schema
}
