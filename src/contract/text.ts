import { z } from 'zod'

/** No NUL, no other control character and no lone surrogate. */
export const Text = z
  .string()
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'Must not contain control characters.')
  // The same rule for readers of the OpenAPI document: not all of them support \p.
  .meta({ pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$' })

/** In code points. */
export const countCharacters = (value: string) => [...value].length
