/** How long a tag of a language can be (RFC 5646, section 4.4.1). The columns of the database have this length. */
export const MAX_LANGUAGE_CHARACTERS = 35

/**
 * The canonical form of a language tag (RFC 5646, section 4.5), which can be longer than the tag. Null if it is none, or
 * longer than {@link MAX_LANGUAGE_CHARACTERS}.
 */
export function toLanguageTag(text: string): string | null {
  try {
    const [tag = ''] = Intl.getCanonicalLocales(text)
    return tag.length > 0 && tag.length <= MAX_LANGUAGE_CHARACTERS ? tag : null
  } catch {
    return null
  }
}
