/** The type `timestamptz` of PostgreSQL. */
export const TIMESTAMPTZ = 1184

const [EARLIEST, LATEST] = ['0001-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z']

/**
 * A time of PostgreSQL in the form of ISO 8601, which a Date reads also in the years before 100. ISO 8601 and a Date
 * have no `infinity`, and fewer years. A program may write such a time: then it is the nearest that an answer can say.
 */
export function toIsoText(text: string) {
  const isEarlier = text.startsWith('-') || text.endsWith('BC')
  if (isEarlier || text.charAt(4) !== '-') return isEarlier ? EARLIEST : LATEST
  return text.endsWith('+00') ? `${text.slice(0, 10)}T${text.slice(11, -3)}Z` : text
}
