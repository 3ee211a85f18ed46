import { writeSync } from 'node:fs'
import { format } from 'node:util'

const STDOUT = 1
const RETRY_MS = 2

/**
 * Makes `console.log` throw if its text cannot be written, as to a full disk: a command may show a secret only once. The
 * console of Bun does not notice it. A reader that wants no more, such as `head`, is no fault.
 */
export function refuseLostOutput() {
  console.log = (...parts: unknown[]) => {
    const bytes = Buffer.from(`${format(...parts)}\n`)
    for (let start = 0; start < bytes.length; ) start += writeSome(bytes.subarray(start))
  }
}

function writeSome(bytes: Buffer) {
  try {
    return writeSync(STDOUT, bytes)
  } catch (fault) {
    const { code } = fault as NodeJS.ErrnoException
    if (code === 'EPIPE') return bytes.length
    if (code !== 'EAGAIN') throw fault
    // Another program has made the pipe one that does not block.
    Bun.sleepSync(RETRY_MS)
    return 0
  }
}
