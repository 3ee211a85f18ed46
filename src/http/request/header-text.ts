const isBlank = (character: string | undefined) => character === ' ' || character === '\t'

/**
 * Strips the white space that HTTP allows around a part of a header: spaces and tabs (RFC 9110, section 5.6.3). `trim`
 * also strips the byte A0. A loop, because a pattern takes quadratic time for a long run of blanks.
 */
export function stripBlanks(text: string) {
  let start = 0
  let end = text.length
  while (isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

/** A header as it may stand in the log: bounded, and without control characters. */
export const printable = (text: string) => text.slice(0, 200).replaceAll(/[^\x20-\x7e]/g, '?')
