import { CommandError } from '../../support/command-error.ts'

const MAX_LEVELS = 100
const SIGN = /["{}[\]]/g
const COMMA = /^\s*,\s*$/

/**
 * Cuts JSON that comes in parts into the members of one array: of the array at the top, or of `list` in the object at the
 * top. It looks for brackets and quotes alone: the engine parses the members, and at last what is around them.
 */
export function createRecordScanner(path: string, list: string) {
  /** The text since the last record ended, or since this one began, and how much of it was looked at. */
  let [text, seen] = ['', 0]
  /** Everything but the records: in it, each row of records is a `null`. */
  let frame = ''
  /** Where the text in quotes begins that `seen` is in. */
  let quote = -1
  let [levels, listLevel, name] = [0, Number.POSITIVE_INFINITY, '']

  /** @returns the members that have ended */
  function take(part: string): unknown[] {
    const records: unknown[] = []
    let start = 0
    text += part
    for (;;) {
      if (quote >= 0) {
        const end = findEndOfQuote(text, seen)
        seen = end === -1 ? text.length : end + 1
        if (end === -1) break
        if (levels === 1) name = text.slice(quote, seen)
        quote = -1
      }
      SIGN.lastIndex = seen
      if (!SIGN.test(text)) {
        seen = text.length
        break
      }
      const sign = text.charAt(SIGN.lastIndex - 1)
      seen = SIGN.lastIndex
      if (sign === '"') quote = seen - 1
      else if (sign === '{' || sign === '[') {
        if (levels === listLevel) {
          const between = text.slice(start, seen - 1)
          if (!COMMA.test(between)) frame += `${between}null`
          start = seen - 1
        } else if (sign === '[' && (levels === 0 || (levels === 1 && parse(name) === list))) {
          listLevel = levels + 1
        }
        if (++levels > MAX_LEVELS) throw new CommandError(`${path} has more than ${MAX_LEVELS} levels.`)
      } else if (--levels === listLevel) {
        records.push(parse(text.slice(start, seen)))
        start = seen
      } else if (levels < listLevel) listLevel = Number.POSITIVE_INFINITY
    }
    text = text.slice(start)
    seen -= start
    if (quote >= 0) quote -= start
    return records
  }

  function parse(json: string): unknown {
    try {
      return JSON.parse(json)
    } catch {
      // The message of the engine would repeat a part of the file.
      throw new CommandError(`${path} is not JSON.`)
    }
  }

  return {
    take,
    finish() {
      frame += text
      if (levels > 0 || quote >= 0 || frame.trim() === '')
        throw new CommandError(`${path} ends in the middle.`)
      parse(frame)
    },
  }
}

/** The next quote that no backslash escapes. -1 if the text has none yet. */
function findEndOfQuote(text: string, from: number) {
  for (let end = text.indexOf('"', from); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslash = end
    while (text[backslash - 1] === '\\') backslash--
    if ((end - backslash) % 2 === 0) return end
  }
  return -1
}
