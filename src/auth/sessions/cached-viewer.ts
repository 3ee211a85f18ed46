import type { Viewer } from '../../contract/caller.ts'

/** What an entry and an answer take besides their texts, as measured. */
const ENTRY_BYTES = 1400
const ANSWER_BYTES = 160
/** A client asks in few ways, and an answer has few fields. */
const MAX_ANSWERS = 4
const MAX_ANSWER_CHARACTERS = 4096

/** What the database says of a credential. `until`: when it must be read again, in milliseconds of the monotonic clock. */
export type FoundViewer = Pick<Viewer, 'user' | 'sessionId' | 'hasFactor' | 'factorProvenAt'> & {
  until: number
}

/** The caller of one credential, and its answers as they were written. */
export class CachedViewer implements Viewer {
  readonly credential: string
  readonly user: Viewer['user']
  readonly sessionId: string
  readonly hasFactor: boolean
  readonly factorProvenAt: number
  readonly until: number
  readonly #onGrow: (viewer: CachedViewer) => void
  #answers: { key: string; text: string }[] | undefined

  constructor(
    credential: string,
    { user, sessionId, hasFactor, factorProvenAt, until }: FoundViewer,
    onGrow: (viewer: CachedViewer) => void,
  ) {
    this.credential = credential
    this.user = user
    this.sessionId = sessionId
    this.hasFactor = hasFactor
    this.factorProvenAt = factorProvenAt
    this.until = until
    this.#onGrow = onGrow
  }

  get ids() {
    return [this.sessionId, this.user.id]
  }

  findAnswer(key: string) {
    return this.#answers?.find((answer) => answer.key === key)?.text
  }

  keepAnswer(key: string, text: string) {
    if (key.length + text.length > MAX_ANSWER_CHARACTERS) return
    this.#answers = [...(this.#answers ?? []), { key, text }].slice(-MAX_ANSWERS)
    this.#onGrow(this)
  }

  bytes() {
    // Every entry has an id of the same length.
    const { id, ...others } = this.user
    const texts = Object.values(others)
      .flat()
      .filter((value) => typeof value === 'string')
    // As a value, and in the answer of REST.
    const ofUser = 2 * texts.reduce((sum, text) => sum + bytesOf(text), 0)
    const ofAnswers = (this.#answers ?? []).reduce(
      (sum, { key, text }) => sum + ANSWER_BYTES + bytesOf(key) + bytesOf(text),
      0,
    )
    return ENTRY_BYTES + this.credential.length + ofUser + ofAnswers
  }
}

/** A character takes one byte, or two if any in its text is not Latin-1. */
const bytesOf = (text: string) => (/[^\0-\xff]/.test(text) ? 2 : 1) * text.length
