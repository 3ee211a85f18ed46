export type StreamEvent = { name: string; id: string | undefined; data: Record<string, unknown> }

/** The events of Servauth have about 100 characters. */
const MAX_EVENT_CHARACTERS = 4 * 1024

/** Parses server-sent events as Servauth writes them: one line of data each. Calls `onComment` for comments. */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  onEvent: (event: StreamEvent) => void,
  onComment: () => void,
) {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    rest += decoder.decode(value, { stream: true })
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of [...blocks, rest]) {
      if (block.length <= MAX_EVENT_CHARACTERS) continue
      throw new Error(`The feed has an event of more than ${MAX_EVENT_CHARACTERS} characters`)
    }
    for (const block of blocks) {
      if (block.startsWith(':')) onComment()
      else onEvent(parseEvent(block))
    }
  }
}

function parseEvent(block: string): StreamEvent {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const end = line.indexOf(': ')
    if (end > 0) fields.set(line.slice(0, end), line.slice(end + 2))
  }
  return {
    name: fields.get('event') ?? '',
    id: fields.get('id'),
    data: JSON.parse(fields.get('data') ?? '{}'),
  }
}
