import { once } from 'node:events'
import { connect } from 'node:net'
import { JSON_TYPE } from './client.ts'

/**
 * Sends a request without its body, and waits until the server has it: it asks for the body then. So the request is under
 * way until `finish`, however fast the machine is.
 */
export async function holdRequest(url: string, path: string, body: object) {
  const text = JSON.stringify(body)
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  const closed = once(socket, 'close')
  let received = ''
  socket.setEncoding('utf8').on('data', (data) => (received += data))
  const headers = {
    ...JSON_TYPE,
    host: 'localhost',
    expect: '100-continue',
    'content-length': text.length,
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  await once(socket, 'data')
  return {
    /** Sends the body. @returns the answer */
    async finish() {
      socket.write(text)
      await closed
      const [, head = '', answer = ''] = received.split('\r\n\r\n')
      return { status: Number(head.split(' ')[1]), body: answer }
    },
  }
}
