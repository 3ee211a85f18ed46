export type StreamEvent = { name: string; id: string | undefined; data: Record<string, unknown> }

/** An event that is larger than this is none of Servauth's. */
const MAX_EVENT_CHARACTERS = 64 * 1024

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
    if (rest.length > MAX_EVENT_CHARACTERS) throw new Error('The feed is not one of Servauth')
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
