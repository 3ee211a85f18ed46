import { connect, type Socket } from 'node:net'

/** Opens connections, asks one thing on each and leaves them open and idle. @throws unless all are answered well. */
export async function hold(port: number, count: number, request: string) {
  const sockets: Socket[] = []
  const release = () => {
    for (const socket of sockets) socket.destroy()
  }
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      sockets.push(socket)
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('A held connection was closed')))
      socket.once('connect', () => socket.write(request))
      socket.once('data', (answer) => {
        if (answer.toString().startsWith('HTTP/1.1 200')) resolve()
        else reject(new Error(`Not a good answer: ${answer.toString().slice(0, 200)}`))
      })
    })
  try {
    while (sockets.length < count) {
      await Promise.all(Array.from({ length: Math.min(200, count - sockets.length) }, one))
    }
  } catch (fault) {
    release()
    throw fault
  }
  return { open: () => sockets.filter((socket) => !socket.destroyed).length, release }
}
