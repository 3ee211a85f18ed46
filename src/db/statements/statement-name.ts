import { LRUCache } from 'lru-cache'

/** More than the number of statements of the server. Only lists of different lengths create new statements. */
const MAX_STATEMENTS = 1000

const names = new LRUCache<string, string>({ max: MAX_STATEMENTS, memoMethod: parseName })

/** The verb and the table of a statement, for example `insert events`. The name of its span contains no other text. */
export const statementName = (text: string) => names.memo(text)

function parseName(text: string) {
  const verb = /^\W*(\w+)/.exec(text)?.[1]?.toLowerCase()
  // The columns of a query may be queries themselves.
  const outer = verb === 'select' ? withoutParentheses(text) : text
  const table = /\b(?:from|into|update|join)\s+"?(\w+)"?/i.exec(outer)?.[1]
  return [verb, table].filter(Boolean).join(' ')
}

function withoutParentheses(text: string): string {
  const shorter = text.replace(/\([^()]*\)/g, '')
  return shorter === text ? text : withoutParentheses(shorter)
}
