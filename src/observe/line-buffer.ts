import type { DestinationStream } from 'pino'

/** PIPE_BUF: a pipe takes at most this much in one piece. A longer write could mix the lines of several workers. */
const MOST_TOGETHER = 4096
const LONGEST_WAIT_MS = 100

/**
 * Writes several lines at once, because a write for each line costs as much as a request. The buffer of the destination
 * itself counts all its bytes again at every line.
 */
export class LineBuffer {
  readonly #destination: DestinationStream
  #lines = ''
  #bytes = 0

  constructor(destination: DestinationStream) {
    this.#destination = destination
    setInterval(() => this.flush(), LONGEST_WAIT_MS).unref()
  }

  write(line: string) {
    const bytes = Buffer.byteLength(line)
    if (this.#bytes + bytes > MOST_TOGETHER) this.flush()
    this.#lines += line
    this.#bytes += bytes
  }

  flush() {
    if (this.#lines === '') return
    const lines = this.#lines
    this.#lines = ''
    this.#bytes = 0
    this.#destination.write(lines)
  }
}
