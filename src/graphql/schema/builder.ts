import SchemaBuilder from '@pothos/core'
import ZodPlugin from '@pothos/plugin-zod'
import type { AuthService } from '../../auth/service.ts'
import type { Caller } from '../../contract/caller.ts'
import { invalidInput } from '../../contract/inputs.ts'

/** All that resolvers have of the rest of the server. */
export type GraphQLContext = { auth: AuthService; caller: Caller }

type Types = {
  Context: GraphQLContext
  DefaultFieldNullability: false
  Scalars: { DateTime: { Input: Date; Output: Date }; ID: { Input: string; Output: string } }
}

export const builder = new SchemaBuilder<Types>({
  plugins: [ZodPlugin],
  defaultFieldNullability: false,
  zod: {
    validationError: (error) => {
      // Clients know the fields of the input, not the argument that carries it.
      const issues = error.issues.map((issue) => ({ ...issue, path: issue.path.slice(1) }))
      return invalidInput({ issues } as typeof error)
    },
  },
})

builder.queryType()
builder.mutationType()

builder.scalarType('DateTime', {
  description: 'A moment in UTC, as ISO 8601 writes it.',
  serialize: (moment) => moment.toISOString(),
})
