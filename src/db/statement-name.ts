/** More texts than the server has; only lists of differing length make new ones. */
const MOST = 1000

const names = new Map<string, string>()

/** What a statement does and to which table, such as `insert events`: nothing else of its text. */
export function statementName(text: string) {
  let name = names.get(text)
  if (name === undefined) {
    const verb = /^\W*(\w+)/.exec(text)?.[1]?.toLowerCase()
    const table = /\b(?:from|into|update|join)\s+"?(\w+)"?/i.exec(text)?.[1]
    name = [verb, table].filter(Boolean).join(' ')
    if (names.size >= MOST) names.clear()
    names.set(text, name)
  }
  return name
}
