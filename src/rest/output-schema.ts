import { resolver } from 'hono-openapi'
import { z } from 'zod'

type JsonSchema = z.core.JSONSchema.BaseSchema
type Node = { zodSchema: z.core.$ZodType; jsonSchema: JsonSchema }

const SCALARS = ['string', 'integer', 'number', 'boolean']

/** The schema of an answer in the OpenAPI document, in a form that generators of clients understand. */
export function outputSchema(schema: z.ZodType) {
  return resolver(schema, {
    options: { io: 'output', unrepresentable: 'any', override: suitGenerators } as object,
  })
}

/** See `docs/decisions/rest.md`. */
function suitGenerators({ zodSchema, jsonSchema }: Node) {
  writeTime(zodSchema, jsonSchema)
  // A later server may add members: a client must not refuse them.
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
  if (zodSchema instanceof z.ZodNullable) joinTypes(zodSchema.unwrap(), jsonSchema)
}

/** One type with null instead of a union, which generators replace with a wrong type. */
function joinTypes(inner: z.core.$ZodType, jsonSchema: JsonSchema) {
  const [value] = jsonSchema.anyOf ?? []
  if (!value) return
  writeTime(inner, value)
  if (!SCALARS.includes(String(value.type)) || value.enum) return
  delete jsonSchema.anyOf
  Object.assign(jsonSchema, { ...value, ...jsonSchema, type: [value.type, 'null'] })
}

function writeTime(schema: z.core.$ZodType, jsonSchema: JsonSchema) {
  if (schema instanceof z.ZodDate) Object.assign(jsonSchema, { type: 'string', format: 'date-time' })
}
