import { z } from 'zod'

/** A page of a list in the form of Relay (GraphQL Cursor Connections). */
export function connectionOf<Node extends z.ZodObject>(node: Node, name: string) {
  const edge = z.strictObject({ cursor: z.string(), node }).meta({ id: `${name}Edge` })
  return z
    .strictObject({
      edges: z.array(edge),
      pageInfo: PageInfo,
      totalCount: z
        .int()
        .nullable()
        .meta({
          description: 'Only if `count` was asked for. At most 10,000: then there may be more.',
          examples: [null],
        }),
    })
    .meta({ id: `${name}Connection` })
}

const PageInfo = z
  .strictObject({
    hasNextPage: z.boolean(),
    endCursor: z
      .string()
      .nullable()
      .meta({ description: 'For `after`.', examples: [null] }),
  })
  .meta({ id: 'PageInfo' })

/** The arguments of a list. */
export const pageArguments = {
  first: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(20)
    .meta({ description: 'How many at most, 1 to 100.' }),
  after: z
    .string()
    .max(1024, 'Must have at most 1024 characters.')
    .optional()
    .meta({ description: 'The `endCursor` of the page before.' }),
  count: z.boolean().default(false).meta({ description: 'Whether to count all, at most 10,000.' }),
}
