import type { DestinationStream } from 'pino'

/** What a pipe takes whole (PIPE_BUF), or lines of several workers would be torn where whoever reads them is slow. */
const MOST_TOGETHER = 4096
const LONGEST_WAIT_MS = 100

/**
 * Hands lines on some at a time: a write for each costs as much as a request. The destination's own buffer
 * counts all that it holds again at every line.
 */
export class LineBuffer {
  readonly #destination: DestinationStream
  #lines = ''

  constructor(destination: DestinationStream) {
    this.#destination = destination
    setInterval(() => this.flush(), LONGEST_WAIT_MS).unref()
  }

  write(line: string) {
    if (this.#lines.length + line.length > MOST_TOGETHER) this.flush()
    this.#lines += line
  }

  flush() {
    if (this.#lines === '') return
    const lines = this.#lines
    this.#lines = ''
    this.#destination.write(lines)
  }
}
