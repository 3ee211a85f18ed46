import SchemaBuilder from '@pothos/core'
import ZodPlugin from '@pothos/plugin-zod'
import type { Caller } from '../../contract/caller.ts'
import type { Core } from '../../contract/operations.ts'
import type { Time } from '../../contract/outputs/fields.ts'
import { invalidInput } from '../../contract/parse.ts'

/** The parts of the server that resolvers can use. */
export type GraphQLContext = { core: Core; caller: Caller }

type Types = {
  Context: GraphQLContext
  DefaultFieldNullability: false
  Scalars: {
    DateTime: { Input: Date; Output: Time }
    ID: { Input: string; Output: string }
    JSON: { Input: unknown; Output: unknown }
  }
}

export const builder = new SchemaBuilder<Types>({
  plugins: [ZodPlugin],
  defaultFieldNullability: false,
  zod: {
    // Clients know the fields of the input, not the argument that carries it.
    validationError: ({ issues }) =>
      invalidInput({
        issues: issues.map((issue) =>
          issue.path[0] === 'input' ? { ...issue, path: issue.path.slice(1) } : issue,
        ),
      }),
  },
})

builder.queryType()
builder.mutationType()

builder.scalarType('DateTime', {
  description: 'A time in UTC, in the form of ISO 8601.',
  serialize: (time) => (typeof time === 'string' ? time : time.toISOString()),
})

builder.scalarType('JSON', {
  description: 'An object as another standard defines it.',
  serialize: (value) => value,
})
