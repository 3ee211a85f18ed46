const BAR_CHARACTERS = 30
const TERMINAL_MS = 200
const LOG_MS = 2000

/** Shows how far a long command is: a bar in a terminal, and otherwise a line every two seconds. */
export function startProgress(stream: NodeJS.WriteStream = process.stdout) {
  const isTerminal = stream.isTTY
  const startedAt = performance.now()
  let state: { label: string; done: number; total: number; share: number } | undefined

  function show() {
    if (!state) return
    const { label, done, total, share } = state
    const rate = Math.round(done / ((performance.now() - startedAt) / 1000))
    const of = total > 0 ? ` of ${total.toLocaleString('en-US')}` : ''
    const text = `${label} ${done.toLocaleString('en-US')}${of}, ${rate.toLocaleString('en-US')} a second`
    const filled = Math.round(Math.min(1, share) * BAR_CHARACTERS)
    const bar = `[${'#'.repeat(filled)}${' '.repeat(BAR_CHARACTERS - filled)}] `
    stream.write(isTerminal ? `\r\u001b[K${bar}${text}` : `  … ${text}\n`)
  }

  const timer = setInterval(show, isTerminal ? TERMINAL_MS : LOG_MS)
  return {
    set(label: string, done: number, total: number, share: number) {
      state = { label, done, total, share }
    },
    stop() {
      clearInterval(timer)
      if (isTerminal) stream.write('\r\u001b[K')
    },
  }
}
