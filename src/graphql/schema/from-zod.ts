import type { InputRef, OutputRef } from '@pothos/core'
import { z } from 'zod'
import { graphqlDefaults } from '../../contract/fields.ts'
import { builder } from './builder.ts'

/** Derives Pothos types from the Zod schemas of the contract. A named type (`meta({ id })`) is created once. */

type Scalar = 'ID' | 'String' | 'Boolean' | 'Int' | 'Float' | 'DateTime' | 'JSON'
type OutputType = Scalar | OutputRef<unknown>
type InputType = Scalar | InputRef<unknown>
type Meta = {
  id?: string
  description?: string
  format?: string
  minProperties?: number
  maxProperties?: number
}

/** A schema without its wrappers, and the properties of the field that the wrappers define. */
type Peeled = { core: z.core.$ZodType; meta: Meta; nullable: boolean; optional: boolean; fallback: unknown }

const outputs = new Map<string, OutputRef<unknown>>()
const inputs = new Map<string, InputRef<unknown>>()
const enums = new Map<string, ReturnType<typeof builder.enumType>>()

/** The options of an output field: its type, whether it can be null, its description. */
export function outputOf(schema: z.core.$ZodType) {
  const { core, meta, nullable } = peel(schema)
  const description = meta.description
  if (core instanceof z.ZodArray)
    return { type: [elementType(core.element)] as [OutputType], nullable, description }
  return { type: outputType(core, meta), nullable, description }
}

/** An argument or a field of an input object: its type, whether it is required, its default and description. */
export function inputOf(schema: z.core.$ZodType) {
  const { core, meta, optional, fallback } = peel(schema)
  const type = core instanceof z.ZodArray ? [elementInputType(core.element)] : inputType(core, meta)
  const isObject = core instanceof z.ZodObject
  return {
    type,
    required: !optional,
    ...(fallback !== undefined && !isObject && { defaultValue: fallback }),
    ...(!isObject && meta.description !== undefined && { description: meta.description }),
  }
}

function elementType(schema: z.core.$ZodType): OutputType {
  const { core, meta } = peel(schema)
  return outputType(core, meta)
}

function elementInputType(schema: z.core.$ZodType): InputType {
  const { core, meta } = peel(schema)
  return inputType(core, meta)
}

function outputType(core: z.core.$ZodType, fieldMeta: Meta): OutputType {
  if (core instanceof z.ZodEnum) return enumType(core)
  if (!(core instanceof z.ZodObject)) return scalarOf(core, fieldMeta)
  const meta = metaOf(core)
  const known = outputs.get(nameOf(meta))
  if (known) return known
  const ref = builder.objectRef<Record<string, never>>(nameOf(meta))
  outputs.set(nameOf(meta), ref)
  return ref.implement({
    ...(meta.description !== undefined && { description: meta.description }),
    fields: (t) =>
      Object.fromEntries(
        Object.entries(core.shape).map(([name, field]) => [name, t.expose(name, outputOf(field) as never)]),
      ),
  })
}

function inputType(core: z.core.$ZodType, fieldMeta: Meta): InputType {
  if (core instanceof z.ZodEnum) return enumType(core)
  if (!(core instanceof z.ZodObject)) return scalarOf(core, fieldMeta)
  const meta = metaOf(core)
  const known = inputs.get(nameOf(meta))
  if (known) return known
  const isOneOf = meta.minProperties === 1 && meta.maxProperties === 1
  const ref = builder.inputType(nameOf(meta), {
    validate: { schema: core },
    ...(isOneOf && { isOneOf }),
    ...(meta.description !== undefined && { description: meta.description }),
    fields: (t) =>
      Object.fromEntries(
        Object.entries(core.shape).map(([name, field]) => [name, t.field(inputOf(field) as never)]),
      ),
  })
  inputs.set(nameOf(meta), ref)
  return ref
}

function enumType(schema: z.ZodEnum) {
  const { options } = schema
  const meta = metaOf(schema)
  const name = nameOf(meta)
  const known = enums.get(name)
  if (known) return known
  const ref = builder.enumType(name, {
    values: options as string[],
    ...(meta.description !== undefined && { description: meta.description }),
  })
  enums.set(name, ref)
  return ref
}

function scalarOf(core: z.core.$ZodType, meta: Meta): Scalar {
  if (core instanceof z.ZodBoolean) return 'Boolean'
  if (core instanceof z.ZodDate) return 'DateTime'
  if (core instanceof z.ZodRecord) return 'JSON'
  if (core instanceof z.ZodNumber) return core.format === null ? 'Float' : 'Int'
  if (core instanceof z.ZodStringFormat || core instanceof z.ZodString) {
    return (meta.format ?? core.format) === 'uuid' ? 'ID' : 'String'
  }
  throw new TypeError(`There is no GraphQL type for the schema ${core._zod.def.type}`)
}

/** The outermost description counts, because it describes the field. An inner one describes the type. */
function peel(schema: z.core.$ZodType): Peeled {
  const peeled: Peeled = { core: schema, meta: {}, nullable: false, optional: false, fallback: undefined }
  for (;;) {
    const { core } = peeled
    peeled.meta = { ...metaOf(core), ...peeled.meta }
    peeled.fallback ??= graphqlDefaults.get(core)?.value
    if (core instanceof z.ZodNullable) peeled.nullable = true
    else if (core instanceof z.ZodOptional) peeled.optional = true
    else if (core instanceof z.ZodDefault || core instanceof z.ZodPrefault) {
      peeled.optional = true
      peeled.fallback ??= core.def.defaultValue
    } else if (core instanceof z.ZodPipe) {
      // What `z.preprocess` does before a schema has no type.
      peeled.core = core.in instanceof z.ZodTransform ? core.out : core.in
      continue
    } else return peeled
    peeled.core = core.def.innerType
  }
}

const metaOf = (schema: z.core.$ZodType) => (z.globalRegistry.get(schema) ?? {}) as Meta

function nameOf({ id }: Meta) {
  if (id) return id
  throw new TypeError('An object or an enum of the contract needs a name: meta({ id })')
}
