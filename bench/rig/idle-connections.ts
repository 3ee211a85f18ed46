import { connect, type Socket } from 'node:net'

/** Opens connections, sends one request on each and leaves them idle. @throws if an answer is not 200 */
export async function openIdleConnections(port: number, count: number, request: string) {
  const sockets: Socket[] = []
  const closeAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  const openOne = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      sockets.push(socket)
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('An idle connection was closed')))
      socket.once('connect', () => socket.write(request))
      socket.once('data', (answer) => {
        if (answer.toString().startsWith('HTTP/1.1 200')) resolve()
        else reject(new Error(`Not a good answer: ${answer.toString().slice(0, 200)}`))
      })
    })
  try {
    while (sockets.length < count) {
      await Promise.all(Array.from({ length: Math.min(200, count - sockets.length) }, openOne))
    }
  } catch (fault) {
    closeAll()
    throw fault
  }
  return { countOpen: () => sockets.filter((socket) => !socket.destroyed).length, closeAll }
}
