import { connect } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

/** In a thread of its own: clients that ask again as soon as they have their answer. It tells when all have one. */
const { port, count } = workerData as { port: number; count: number }
const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
let answered = 0

for (let client = 0; client < count; client++) {
  const socket = connect(port, '127.0.0.1')
  socket.once('data', () => {
    if (++answered === count) parentPort?.postMessage('all')
  })
  socket.on('data', () => socket.write(REQUEST))
  socket.write(REQUEST)
}
