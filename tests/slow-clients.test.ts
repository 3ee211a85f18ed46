import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { beforeAll, expect, test } from 'vitest'
import { account, type Client } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { memoryOf } from './support/process.ts'
import { useProgram } from './support/program.ts'
import { pause } from './support/time.ts'

const KIB = 1024

const database = useDatabase()
const server = useProgram(() => ({
  DATABASE_URL: database.url,
  ALLOWED_ORIGINS: 'https://app.example.com',
}))
let client: Client
beforeAll(async () => {
  client = (await server.registerUser()).client
})

const HEAD = 'POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
const PREFLIGHT =
  'OPTIONS /auth/login HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.com\r\n' +
  'Access-Control-Request-Method: POST\r\n'

async function open(first: string) {
  const socket = connect(Number(server.env.PORT), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(first)
  return socket
}

/** Everything that arrives until the server closes the connection. */
async function readToEnd(connection: Socket) {
  let answer = ''
  connection.on('data', (data) => (answer += data))
  // Not `once` of node:events, which rejects: the server may close the connection while the client still sends.
  await new Promise((closed) => connection.once('close', closed))
  return answer
}

const memory = () => memoryOf(server.pid)

test('a request with two lengths is refused and does not fill the memory', async () => {
  const socket = await open(`${HEAD}Content-Length: 3000000000\r\nContent-Length: 3000000000\r\n\r\n`)
  const before = await memory()
  let answer = ''
  socket.on('data', (data) => (answer += data))
  const megabyte = Buffer.alloc(1 << 20, ' ')
  for (let sent = 0; sent < 64 && answer === '' && socket.writable; sent++) {
    if (!socket.write(megabyte)) await once(socket, 'drain').catch(() => {})
  }
  await expect.poll(() => answer || socket.destroyed).toBeTruthy()
  socket.destroy()

  expect(answer).toMatch(/^(HTTP\/1.1 400|$)/)
  expect((await memory()) - before).toBeLessThan(40)
})

const LENGTH = 'Content-Length: 8000'
const CHUNKS = 'Transfer-Encoding: chunked'

test.concurrent.each([
  ['a body that does not arrive', 408, `${HEAD}${LENGTH}\r\n\r\n{`, ''],
  ['a body that arrives byte by byte', 408, `${HEAD}${LENGTH}\r\n\r\n{`, ' '],
  ['a body of endless chunks', 408, `${HEAD}${CHUNKS}\r\n\r\n1\r\n{\r\n`, '1\r\n \r\n'],
  ['a body that is too large', 413, `${HEAD}Content-Length: 1000000000\r\n\r\n{`, ' '],
  ['a compressed body that does not end', 408, `${HEAD}Content-Encoding: gzip\r\n${LENGTH}\r\n\r\n{`, ' '],
  ['a body with GET', 200, `GET /health HTTP/1.1\r\nHost: localhost\r\n${LENGTH}\r\n\r\n{`, ' '],
  ['chunks with GET', 200, `GET /health HTTP/1.1\r\nHost: localhost\r\n${CHUNKS}\r\n\r\n`, '1\r\n \r\n'],
  ['a body with TRACE', 405, `TRACE /health HTTP/1.1\r\nHost: localhost\r\n${LENGTH}\r\n\r\n{`, ' '],
  ['a preflight with a body', 204, `${PREFLIGHT}${LENGTH}\r\n\r\n{`, ' '],
])('%s is answered with %i, and the connection is closed', async (_, status, first, rest) => {
  const connection = await open(first)
  const drip = setInterval(() => connection.write(rest), 200)

  const answer = await readToEnd(connection)
  clearInterval(drip)

  expect(answer).toContain(`HTTP/1.1 ${status} `)
  expect(answer).toMatch(/^connection: close\r$/im)
})

/** A body of spaces in two parts, of which the first is too large for REST already. */
const counted = (size: number) => [
  `Content-Length: ${size}\r\n\r\n${' '.repeat(8.5 * KIB)}`,
  ' '.repeat(size - 8.5 * KIB),
]
const chunked = (size: number) => [
  `Transfer-Encoding: chunked\r\n\r\n${toChunk(8.5 * KIB)}`,
  `${toChunk(size - 8.5 * KIB)}0\r\n\r\n`,
]
const toChunk = (size: number) => `${size.toString(16)}\r\n${' '.repeat(size)}\r\n`

test.concurrent.each([
  ['of 9 KiB', 413, '', counted(9 * KIB)],
  ['of 1 MiB', 413, '', counted(1024 * KIB)],
  ['of 1 MiB in chunks', 413, '', chunked(1024 * KIB)],
  ['that is compressed', 415, 'Content-Encoding: gzip\r\n', counted(9 * KIB)],
  ['that is compressed, in chunks', 415, 'Content-Encoding: gzip\r\n', chunked(9 * KIB)],
])(
  'a body %s is refused with %i only after it, as proxies need it',
  async (_, status, header, [first, rest]) => {
    const connection = await open(`${HEAD}${header}${first}`)
    let early = ''
    connection.on('data', (data) => (early += data))
    await pause(500)
    expect(early).toBe('')
    connection.write(`${rest}`)

    expect(await readToEnd(connection)).toContain(`HTTP/1.1 ${status} `)
  },
)

test.concurrent('a head that arrives line by line ends with its connection', async () => {
  const connection = await open('GET /health HTTP/1.1\r\nHost: localhost\r\n')
  const drip = setInterval(() => connection.write('a: b\r\n'), 200)

  const answer = await readToEnd(connection)
  clearInterval(drip)

  expect(answer).toBe('')
})

test.concurrent('1,000 endless bodies leave no connection open', async () => {
  const connections: Socket[] = []
  for (let batch = 0; batch < 10; batch++) {
    const opened = Array.from({ length: 100 }, () => open(`${HEAD}${LENGTH}\r\n\r\n{`))
    connections.push(...(await Promise.all(opened)))
  }
  const drip = setInterval(() => {
    for (const connection of connections) connection.write(' ')
  }, 1000)

  const answers = await Promise.all(connections.map(readToEnd))
  clearInterval(drip)

  expect(new Set(answers.map((answer) => answer.slice(0, 12)))).toEqual(new Set(['HTTP/1.1 408']))
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
