import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { portOf } from './net.ts'
import { openForTest } from './resource.ts'

export type Received = {
  id: string
  type: string
  data: { userId: string | null; [name: string]: unknown }
  headers: Record<string, string>
  body: string
  status: number
}

/** A receiver of webhooks on loopback, for one test. It answers 204, unless `answer` says something else. */
export const startReceiver = () => openForTest(createReceiver)

async function createReceiver() {
  const received: Received[] = []
  let answer: (message: Received, response: ServerResponse) => number | 'nothing' = () => 204

  async function receive(request: IncomingMessage, response: ServerResponse) {
    const body = await text(request)
    const { type, data } = JSON.parse(body)
    const headers = request.headers as Record<string, string>
    const message = { id: headers['webhook-id'] ?? '', type, data, headers, body, status: 0 }
    const status = answer(message, response)
    if (status === 'nothing') return
    received.push({ ...message, status })
    response.statusCode = status
    response.end()
  }

  const server = createServer(
    (request, response) => void receive(request, response).catch(() => request.destroy()),
  )
  server.listen(0, '127.0.0.1')
  return {
    url: `http://127.0.0.1:${await portOf(server)}/hooks`,
    received,
    /** What it has accepted, each message once, in the order of its arrival. */
    accepted() {
      const accepted = received.filter(({ status }) => status >= 200 && status < 300)
      return [...new Map(accepted.map((message) => [message.id, message])).values()]
    },
    answerWith(how: typeof answer) {
      answer = how
    },
    async close() {
      server.closeAllConnections()
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
}
