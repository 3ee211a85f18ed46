import { z } from 'zod'

/** No NUL, no other control character and no lone surrogate. */
export const Text = z
  .string()
  // OpenAPI shows this pattern, and not all its readers know \p{Cc} and \p{Cs}.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it refuses them
  .regex(/^[^\u0000-\u001f\u007f-\u009f\ud800-\udfff]*$/u, 'Must not contain control characters.')

/** In code points. */
export const countCharacters = (value: string) => [...value].length
