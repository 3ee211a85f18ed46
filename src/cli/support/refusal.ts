import { AuthError, type Code, type FieldFault } from '../../errors.ts'
import { CommandError } from './command-error.ts'

/** What a command says about a refusal, by its code. Without a sentence, it names the first field that is at fault. */
type Sentences = Partial<Record<Code, string>>

/** Turns a refusal into a sentence for the operator, for `catch`. Other errors pass through. */
export const explainRefusal =
  (sentences: Sentences = {}) =>
  (error: unknown): never => {
    if (!(error instanceof AuthError)) throw error
    const sentence = toSentence(error, sentences)
    throw sentence ? new CommandError(sentence, { cause: error }) : error
  }

function toSentence({ code, message, cause, details }: AuthError, sentences: Sentences) {
  if (code === 'FORBIDDEN') return message
  if (code === 'SERVICE_UNAVAILABLE') return cause ? undefined : NEEDS_MAIL
  return sentences[code] ?? toFieldSentence(details.fields?.[0])
}

const toFieldSentence = (fault: FieldFault | undefined) =>
  fault && (fault.path ? `${fault.path}: ${fault.message}` : fault.message)

const NEEDS_MAIL = 'A mail server in SMTP_URL is needed: the user must get a mail.'
