import { MAX_PAGE_ROWS } from '../../contract/outputs/page.ts'

type Page<Node> = {
  edges: { node: Node }[]
  pageInfo: { hasNextPage: boolean; endCursor: string | null }
}

/** Reads a list page by page, up to a number of rows. */
export async function collectPages<Node>(
  limit: number,
  read: (page: { first: number; count: false; after?: string }) => Promise<Page<Node>>,
) {
  const found: Node[] = []
  for (let after: string | undefined; found.length < limit; ) {
    const first = Math.min(MAX_PAGE_ROWS, limit - found.length)
    const { edges, pageInfo } = await read({ first, count: false, ...(after && { after }) })
    found.push(...edges.map(({ node }) => node))
    if (!pageInfo.hasNextPage) break
    after = pageInfo.endCursor ?? undefined
  }
  return found
}

/** What most commands take: with `json`, they print only the result, as JSON. */
export type Output = { json?: true }

export const printJson = (value: unknown) => console.log(JSON.stringify(value, null, 2))
