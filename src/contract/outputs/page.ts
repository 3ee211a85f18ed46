import { z } from 'zod'

/** The most that one page of a list has. */
export const MAX_PAGE_ROWS = 100
/** Counting stops here: a table of a million rows takes seconds. */
export const MAX_COUNT = 10_000
const LIMIT = MAX_COUNT.toLocaleString('en-US')

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
          description: `Only if \`count\` was asked for. At most ${LIMIT}: then there may be more.`,
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

/** The size of a page. */
export function pageSize(max: number, initial: number) {
  const error = `Must be a whole number from 1 to ${max}.`
  return z
    .number(error)
    .int(error)
    .min(1, error)
    .max(max, error)
    .default(initial)
    .meta({ description: `How many at most, 1 to ${max}.` })
}

/** The arguments of a list. */
export const pageArguments = {
  first: pageSize(MAX_PAGE_ROWS, 20),
  after: z
    .string()
    .max(1024, 'Must have at most 1024 characters.')
    .optional()
    .meta({ description: 'The `endCursor` of the page before.' }),
  count: z
    .boolean()
    .default(false)
    .meta({ description: `Whether to count all, at most ${LIMIT}.` }),
}
