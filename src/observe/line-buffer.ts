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
