import { MAX_ROLES } from '../../auth/administration/user-roles.ts'
import { AuthError, type Code } from '../../errors.ts'
import { CommandError } from './command-error.ts'

/** What a command says about a refusal, by its code. */
type Sentences = Partial<Record<Code, string>>

const COMMON: Sentences = {
  INVALID_INPUT: `There is no such role, or the user would have more than ${MAX_ROLES}.`,
}

/** Turns a refusal into a sentence for the operator, for `catch`. Other errors pass through. */
export const explainRefusal =
  (sentences: Sentences = {}) =>
  (error: unknown): never => {
    if (!(error instanceof AuthError)) throw error
    const sentence = toSentence(error, { ...COMMON, ...sentences })
    throw sentence ? new CommandError(sentence, { cause: error }) : error
  }

function toSentence({ code, message, cause }: AuthError, sentences: Sentences) {
  if (code === 'FORBIDDEN') return message
  if (code === 'SERVICE_UNAVAILABLE') return cause ? undefined : NEEDS_MAIL
  return sentences[code]
}

const NEEDS_MAIL = 'A mail server in SMTP_URL is needed: the user must get a mail.'
