import { z } from 'zod'

const NO_CONTROL = 'Must not contain control characters.'

/** No NUL, no other control character and no lone surrogate. */
export const Text = z
  .string()
  // OpenAPI shows this pattern, and not all its readers know \p{Cc} or surrogates.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it refuses them
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, NO_CONTROL)
  .refine((value) => value.isWellFormed(), NO_CONTROL)

/** In code points. */
export const countCharacters = (value: string) => [...value].length
