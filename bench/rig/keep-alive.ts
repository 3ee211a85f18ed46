const HEAD_END = '\r\n\r\n'

type Answer = { resolve: (body: string) => void; reject: (fault: Error) => void }
export type KeepAlive = Awaited<ReturnType<typeof openKeepAlive>>

/**
 * Opens a connection that sends one request at a time. The load shares its core with PostgreSQL, and `fetch` takes half as much
 * of it again. This understands only how Servauth answers.
 */
export async function openKeepAlive(port: number) {
  let text = ''
  let waiting: Answer | undefined

  /** Each character is a byte, so that the length counts both. */
  function receive(chunk: Buffer) {
    text += chunk.toString('latin1')
    const head = text.indexOf(HEAD_END)
    if (head < 0) return
    const [, length] = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head)) ?? []
    const start = head + HEAD_END.length
    if (length === undefined || text.length < start + Number(length)) return
    const body = Buffer.from(text.slice(start), 'latin1').toString()
    text = ''
    waiting?.resolve(body)
  }

  const lose = () => waiting?.reject(new Error('The server closed the connection'))
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: { data: (_, chunk) => receive(chunk), close: lose, error: lose },
  })
  return {
    /** @returns the body of the answer, whatever its status */
    post(path: string, body: object): Promise<string> {
      const { promise, ...answer } = Promise.withResolvers<string>()
      waiting = answer
      const json = JSON.stringify(body)
      const length = Buffer.byteLength(json)
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${length}${HEAD_END}${json}`,
      )
      return promise
    },
    close: () => socket.end(),
  }
}
