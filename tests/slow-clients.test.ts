import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { beforeAll, expect, test } from 'vitest'
import { account, type Client } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { memoryOf } from './support/process.ts'
import { useProgram } from './support/program.ts'

const database = useDatabase()
const server = useProgram(() => ({ DATABASE_URL: database.url }))
let client: Client
beforeAll(async () => {
  client = (await server.registerUser()).client
})

const HEAD = 'POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'

async function open(first: string) {
  const socket = connect(Number(server.env.PORT), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(first)
  return socket
}

const memory = () => memoryOf(server.pid)

test('a request with two lengths is refused and does not fill the memory', async () => {
  const socket = await open(`${HEAD}Content-Length: 3000000000\r\nContent-Length: 3000000000\r\n\r\n`)
  const before = await memory()
  let answer = ''
  socket.on('data', (data) => (answer += data))
  const megabyte = Buffer.alloc(1 << 20, ' ')
  for (let sent = 0; sent < 64 && answer === '' && socket.writable; sent++) {
    if (!socket.write(megabyte)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
  }
  await expect.poll(() => answer || socket.destroyed).toBeTruthy()
  socket.destroy()

  expect(answer).toMatch(/^(HTTP\/1.1 4(00|13)|$)/)
  expect((await memory()) - before).toBeLessThan(40)
})

test.each([
  ['with its length', `${HEAD}Content-Length: 100\r\n\r\n{`],
  ['in chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`],
])('a body %s that does not arrive is refused after 10 seconds', async (_, request) => {
  const socket = await open(request)
  const began = performance.now()

  const [answer] = await once(socket, 'data')

  expect(String(answer)).toContain('HTTP/1.1 400')
  expect(String(answer)).toContain('INVALID_INPUT')
  expect((performance.now() - began) / 1000).toBeGreaterThan(9)
  expect((performance.now() - began) / 1000).toBeLessThan(14)
  socket.destroy()
})

test('2,000 half-open requests and clients that leave do not disturb other clients', async () => {
  const before = await memory()
  const sockets: Socket[] = []
  for (let batch = 0; batch < 20; batch++) {
    sockets.push(
      ...(await Promise.all(
        Array.from({ length: 100 }, () => open(`${HEAD}Content-Length: 4000\r\n\r\n{"email":`)),
      )),
    )
  }

  const during = await Promise.all(Array.from({ length: 20 }, () => client.me()))
  for (const socket of sockets) socket.destroy()
  const leavers = Array.from({ length: 200 }, async () => {
    const body = JSON.stringify(account())
    const socket = await open(`${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`)
    socket.destroy()
  })
  await Promise.all(leavers)
  await expect.poll(async () => (await client.me()).status).toBe(200)

  expect(during.map(({ status }) => status)).toEqual(Array(20).fill(200))
  expect((await memory()) - before).toBeLessThan(200)
  expect(server.output()).not.toContain('request failed')
})

test('a login flood beyond the hashing gate does not fill the memory', async () => {
  const input = account()
  await expect.poll(async () => (await client.register(input)).status).toBe(201)
  const before = await memory()

  const answers = (
    await Promise.all(
      Array.from({ length: 10 }, () =>
        Promise.all(Array.from({ length: 100 }, () => client.twin().login(input))),
      ),
    )
  ).flat()
  const afterwards = await client.twin().login(input)

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]))
  expect(afterwards.status).toBe(200)
  expect((await memory()) - before).toBeLessThan(250)
})
