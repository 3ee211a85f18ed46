import { LRUCache } from 'lru-cache'

/** More than the server has statements. Only lists of different lengths create new ones. */
const MAX_STATEMENTS = 1000

const names = new LRUCache<string, string>({ max: MAX_STATEMENTS, memoMethod: parseName })

/** What a statement does to which table, for example `insert events`. The name of its span holds no other text. */
export const statementName = (text: string) => names.memo(text)

function parseName(text: string) {
  const verb = /^\W*(\w+)/.exec(text)?.[1]?.toLowerCase()
  const table = /\b(?:from|into|update|join)\s+"?(\w+)"?/i.exec(text)?.[1]
  return [verb, table].filter(Boolean).join(' ')
}
