/** PIPE_BUF: a pipe takes at most this much in one piece. A longer write could mix the lines of several workers. */
const MAX_PIECE_BYTES = 4096
const MAX_DELAY_MS = 100
/** How much waits for a reader that pauses. Further lines are dropped. */
const MAX_WAITING_PIECES = 64

/** Takes the bytes if they can be written without waiting. Otherwise it returns a promise. */
type Sink = { write(text: string): number | Promise<number>; flush(): number | Promise<number> }

/**
 * Writes several lines at once, because a write for each line costs as much as a request. It never waits for the reader:
 * a standard output that is not read must not stop requests. Lines that do not fit are dropped, and counted by
 * `formatDropped` in a line of its own when the reader goes on.
 */
export class LineBuffer {
  readonly #sink: Sink
  readonly #formatDropped: (count: number) => string
  #piece = ''
  #bytes = 0
  readonly #waiting: string[] = []
  #isStalled = false
  #dropped = 0

  constructor(sink: Sink, formatDropped: (count: number) => string) {
    this.#sink = sink
    this.#formatDropped = formatDropped
    setInterval(() => this.flush(), MAX_DELAY_MS).unref()
  }

  /** @param bytes of the line, if they are known */
  write(line: string, bytes = Buffer.byteLength(line)) {
    if (this.#bytes + bytes > MAX_PIECE_BYTES) this.flush()
    if (this.#waiting.length >= MAX_WAITING_PIECES) {
      this.#dropped++
      return
    }
    this.#piece += line
    this.#bytes += bytes
  }

  flush() {
    if (this.#piece === '') return
    const piece = this.#piece
    this.#piece = ''
    this.#bytes = 0
    if (this.#isStalled) this.#waiting.push(piece)
    else this.#send(piece)
  }

  /** @returns whether further pieces can follow now */
  #send(piece: string) {
    try {
      const pending = [this.#sink.write(piece), this.#sink.flush()].filter(
        (result) => result instanceof Promise,
      )
      if (pending.length === 0) return true
      this.#isStalled = true
      const resume = () => this.#resume()
      void Promise.all(pending).then(resume, resume)
      return false
    } catch {
      // The reader has ended, or the disk is full. The requests go on.
      return true
    }
  }

  #resume() {
    this.#isStalled = false
    while (this.#waiting.length > 0) if (!this.#send(this.#waiting.shift() ?? '')) return
    if (this.#dropped === 0) return
    const line = this.#formatDropped(this.#dropped)
    this.#dropped = 0
    this.write(line)
  }
}
