import { once } from 'node:events'
import { connect } from 'node:net'

/** Sends a request as it is, each character as one byte, and reads until the server closes the connection. */
export async function sendBytes(url: string, request: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (data) => (text += data))
  socket.write(request, 'latin1')
  await once(socket, 'close')
  const [head = '', ...rest] = text.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), text, head, body: rest.join('\r\n\r\n') }
}
