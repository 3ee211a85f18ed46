import { execFileSync } from 'node:child_process'
import { createSocket as createUdp, type Socket } from 'node:dgram'
import { getServers, setServers } from 'node:dns'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttp, type Server } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { createServer as createTcp } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseNetwork } from '../src/settings/kinds/network.ts'
import { createSender } from '../src/webhooks/sender.ts'
import {
  type Address,
  createTargetFinder,
  DeliveryFault,
  MAX_LOOKUP_MS,
  type TargetSettings,
} from '../src/webhooks/target.ts'
import { createFolder } from './support/folder.ts'
import { portOf } from './support/net.ts'

const LOOPBACK: Address = { address: '127.0.0.1', family: 4 }
const PRODUCTION: TargetSettings = { NODE_ENV: 'production', WEBHOOK_NETWORKS: [] }

async function listen(server: Server) {
  server.listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return portOf(server)
}

function useSender(findTarget: (hostname: string) => Promise<Address>, ca?: string) {
  const sender = createSender({ findTarget, maxConnections: 4, ...(ca && { ca }) })
  onTestFinished(sender.close)
  return (url: string) => sender.send(url, {}, '{}').catch((fault: Error) => fault.message)
}

describe('the address of a receiver', () => {
  const addresses = (texts: string[]) =>
    texts.map((address) => ({ address, family: address.includes(':') ? (6 as const) : (4 as const) }))

  test.each([
    ...[
      '127.0.0.1',
      '10.0.0.7',
      '172.16.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
      '224.0.0.1',
    ],
    ...[
      '255.255.255.255',
      '192.0.2.1',
      '198.18.0.1',
      '::1',
      '::',
      'fe80::1',
      'fd00::7',
      'ff02::1',
      '2001:db8::1',
    ],
    ...['::10.0.0.7', '4000::1'],
    ...['::ffff:127.0.0.1', '::ffff:10.0.0.7', '64:ff9b::7f00:1', '2002:7f00:1::'],
  ])('a name that resolves to %s is refused', async (address) => {
    const find = createTargetFinder(PRODUCTION, async () => addresses([address]))

    await expect(find('receiver.example')).rejects.toThrow('the address is not public')
    await expect(find(address.includes(':') ? `[${address}]` : address)).rejects.toThrow('not public')
  })

  test.each(['http://2130706433/', 'http://0x7f.1/', 'http://0177.0.0.1/', 'http://[::ffff:7f00:1]/'])(
    'the address in %s is read as the socket would read it, and refused',
    async (url) => {
      const find = createTargetFinder(PRODUCTION)

      await expect(find(new URL(url).hostname)).rejects.toThrow('the address is not public')
    },
  )

  test('a private address is taken if its network is listed, and of several addresses the allowed one', async () => {
    const resolve = async () => addresses(['10.0.0.7', '10.1.0.7', '93.184.216.34'])
    const listed = createTargetFinder(
      { ...PRODUCTION, WEBHOOK_NETWORKS: [parseNetwork('10.1.0.0/16')] },
      resolve,
    )
    const unlisted = createTargetFinder(PRODUCTION, resolve)

    expect((await listed('receiver.example')).address).toBe('10.1.0.7')
    expect((await unlisted('receiver.example')).address).toBe('93.184.216.34')
  })

  test('a name without an address is a fault that says so', async () => {
    const find = createTargetFinder(PRODUCTION, async () => [])

    await expect(find('receiver.example')).rejects.toThrow('the name has no address')
  })

  // That function does not know the name server of this process.
  test('a name is resolved without the function of the operating system, which holds a thread', async () => {
    await useNameServer('93.184.215.14')
    const find = createTargetFinder(PRODUCTION)

    expect(await find('receiver.example')).toMatchObject({ address: '93.184.215.14', family: 4 })
  })

  test('a name whose server does not answer is a fault long before a client of the server would give up', async () => {
    const silent = createUdp('udp4').bind(0, '127.0.0.1')
    await once(silent, 'listening')
    useNameServerAt(silent)
    const began = performance.now()

    await expect(createTargetFinder(PRODUCTION)('receiver.example')).rejects.toThrow('does not answer')

    expect(performance.now() - began).toBeLessThan(2 * MAX_LOOKUP_MS)
  })

  test('the names of the file of hosts are resolved', async () => {
    const find = createTargetFinder({ ...PRODUCTION, NODE_ENV: 'development' })

    expect((await find('localhost')).address).toMatch(/^(127\.0\.0\.1|::1)$/)
  })
})

/** Resolves the names of this process by a server of its own, which has one IPv4 address for all of them. */
async function useNameServer(address: string) {
  const server = createUdp('udp4')
  server.on('message', (question, { port, address: client }) => {
    const end = question.indexOf(0, DNS_HEADER_BYTES) + 5
    const isIpv4 = question.readUInt16BE(end - 4) === 1
    const header = [question.subarray(0, 2), Buffer.from([0x81, 0x80, 0, 1, 0, Number(isIpv4), 0, 0, 0, 0])]
    const answer = [0xc0, DNS_HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]
    const parts = [...header, question.subarray(DNS_HEADER_BYTES, end), Buffer.from(isIpv4 ? answer : [])]
    server.send(Buffer.concat(parts), port, client)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  useNameServerAt(server)
}

function useNameServerAt(server: Socket) {
  const before = getServers()
  setServers([`127.0.0.1:${server.address().port}`])
  onTestFinished(() => {
    setServers(before)
    server.close()
  })
}

const DNS_HEADER_BYTES = 12

describe('a delivery', () => {
  test('the connection goes to the address that was checked, so a name that changes leads nowhere else', async () => {
    const hosts: (string | undefined)[] = []
    const port = await listen(
      createHttp((request, response) => {
        hosts.push(request.headers.host)
        response.end()
      }),
    )
    let looked = 0
    const send = useSender(async () => {
      looked++
      return LOOPBACK
    })

    // No resolver knows the name, so only the given address can have been used.
    expect(await send(`http://receiver.invalid:${port}/`)).toBe(200)
    expect([looked, hosts]).toEqual([1, [`receiver.invalid:${port}`]])
  })

  test('with TLS, the certificate must be that of the name, though the connection goes to the address', async () => {
    const folder = await createFolder()
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=receiver.example', '-addext', 'subjectAltName=DNS:receiver.example']
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    })
    const ca = readFileSync(cert, 'utf8')
    const names: unknown[] = []
    const server = createHttps({ key: readFileSync(key), cert: ca }, (request, response) => {
      names.push((request.socket as unknown as { servername: string }).servername)
      response.end()
    })
    const port = await listen(server as unknown as Server)
    const send = useSender(async () => LOOPBACK, ca)

    expect(await send(`https://receiver.example:${port}/`)).toBe(200)
    expect(names).toEqual(['receiver.example'])
    expect(await send(`https://other.example:${port}/`)).toMatch(/CERT/)
    expect(await useSender(async () => LOOPBACK)(`https://receiver.example:${port}/`)).toMatch(/CERT/)
  })

  test.each(['elsewhere', 'https://', 'ftp://example.com/'])(
    'the URL %s is a fault as any other',
    async (url) => {
      const sender = createSender({ findTarget: async () => LOOPBACK, maxConnections: 1 })
      onTestFinished(sender.close)

      await expect(sender.send(url, {}, '{}')).rejects.toThrow(new DeliveryFault('the URL is not valid'))
    },
  )

  test('a redirect is not followed, and is no success', async () => {
    let calls = 0
    const port = await listen(
      createHttp((_, response) => {
        calls++
        response.writeHead(302, { location: '/elsewhere' }).end()
      }),
    )

    expect(await useSender(async () => LOOPBACK)(`http://receiver.example:${port}/`)).toBe(302)
    expect(calls).toBe(1)
  })

  test('an answer without an end is not read to its end', async () => {
    let sent = 0
    const part = 'x'.repeat(65_536)
    const port = await listen(
      createHttp((_, response) => {
        response.writeHead(200)
        const write = () => {
          do sent += part.length
          while (response.write(part))
        }
        response.on('drain', write).on('error', () => {})
        write()
      }),
    )

    expect(await useSender(async () => LOOPBACK)(`http://receiver.example:${port}/`)).toBe(200)
    // What the buffers of a connection take, and no more.
    const before = sent
    await sleep(100)
    expect(sent).toBe(before)
    expect(sent).toBeLessThan(64 * 2 ** 20)
  })

  test.each([
    ['interim answers', '', 'HTTP/1.1 100 Continue\r\n\r\n', 'the answer is too long'],
    [
      'interim answers with headers',
      '',
      'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n',
      'the answer is too long',
    ],
    ['headers', 'HTTP/1.1 200 OK\r\n', 'x-header: 1\r\n', 'HPE_HEADER_OVERFLOW'],
    ['a header', 'HTTP/1.1 200 OK\r\nx-header: ', 'x', 'HPE_HEADER_OVERFLOW'],
  ])('%s without an end are a fault after some kilobytes', async (_what, start, part, fault) => {
    const endless = part.repeat(Math.ceil(65_536 / part.length))
    const receiver = createTcp((socket) => {
      const write = () => {
        while (socket.write(endless));
      }
      socket.on('error', () => {}).on('drain', write)
      socket.once('data', () => {
        socket.write(start)
        write()
      })
      onTestFinished(() => void socket.destroy())
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void receiver.close())
    const port = await portOf(receiver)

    expect(await useSender(async () => LOOPBACK)(`http://receiver.example:${port}/`)).toBe(fault)
  })

  test('the bound is one for each answer, and not for all of a connection', async () => {
    const connections = new Set<unknown>()
    const port = await listen(
      createHttp((request, response) => {
        connections.add(request.socket)
        request.resume().on('end', () => response.writeHead(200).end('x'.repeat(30_000)))
      }),
    )
    const send = useSender(async () => LOOPBACK)
    const warnings: Error[] = []
    const warn = (warning: Error) => warnings.push(warning)
    process.on('warning', warn)
    onTestFinished(() => void process.off('warning', warn))

    for (let delivery = 0; delivery < 20; delivery++)
      expect(await send(`http://receiver.example:${port}/`)).toBe(200)

    expect(connections.size).toBeLessThan(20)
    expect(warnings).toEqual([])
  })

  test('a receiver that says nothing ends in a fault after ten seconds', async () => {
    const port = await listen(createHttp(() => {}))
    const began = performance.now()

    expect(await useSender(async () => LOOPBACK)(`http://receiver.example:${port}/`)).toBe(
      'no answer in time',
    )
    expect(performance.now() - began).toBeGreaterThan(9000)
  })

  test('a name that resolves too late leads to no request', async () => {
    let connections = 0
    const receiver = createHttp(() => {}).on('connection', () => connections++)
    const port = await listen(receiver)
    const resolving = Promise.withResolvers<Address>()
    const send = useSender(() => resolving.promise)

    expect(await send(`http://receiver.example:${port}/`)).toBe('no answer in time')
    resolving.resolve(LOOPBACK)
    await sleep(300)

    expect(connections).toBe(0)
  })

  test('a receiver that is not there is a fault with its code', async () => {
    const server = createHttp()
    server.listen(0, '127.0.0.1')
    const port = await portOf(server)
    server.close()
    await once(server, 'close')

    expect(await useSender(async () => LOOPBACK)(`http://receiver.example:${port}/`)).toMatch(/REFUSED|CONN/i)
  })
})
