import { z } from 'zod'

export const Introspection = z
  .looseObject({
    active: z
      .boolean()
      .meta({ description: 'Whether the token is valid now. If not, there is no other member.' }),
    token_type: z.literal('Bearer').optional(),
  })
  .meta({ id: 'Introspection', description: 'The state of a token, with its claims if it is active.' })
export type Introspection = z.output<typeof Introspection>
