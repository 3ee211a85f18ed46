const MAX_CHARACTERS = 300

/**
 * Text from another system could contain escape sequences, which a terminal would obey, or be very long. By way of a
 * buffer, because a part of a string keeps the whole one in memory.
 */
export const toLine = (text: string) =>
  Buffer.from(text.slice(0, MAX_CHARACTERS))
    .toString()
    .replace(/[\p{Cc}\p{Cf}]/gu, '?')
