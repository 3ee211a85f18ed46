import { connect, isIP, type Socket } from 'node:net'
import {
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
} from 'node:tls'
import { getSocketPath, type Host, isSocket } from '../../libpq/hosts.ts'
import { getPublicAuthorities, type Tls } from '../../libpq/tls.ts'
import { ConnectionFault } from './connection-fault.ts'

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const YES = 'S'.charCodeAt(0)
const NO = 'N'.charCodeAt(0)

export async function openPlain(host: Host, connectMs: number): Promise<Socket> {
  const { name, address, port } = host
  const socket = isSocket(host) ? connect(getSocketPath(name, port)) : connect(port, address ?? name)
  await waitFor(socket, 'connect', connectMs)
  return socket
}

/**
 * Asks the server for TLS and starts it.
 * @returns a plain socket if the server has no TLS and need not have it; undefined if the caller must open a plain one
 */
export async function openEncrypted(host: Host, tls: Tls, connectMs: number): Promise<Socket | undefined> {
  const socket = await openPlain(host, connectMs)
  const answer = tls.isDirect ? YES : await askForTls(socket, connectMs)
  if (answer === YES) {
    try {
      return await startTls(socket, host, tls, connectMs)
    } catch (fault) {
      if (tls.isRequired) throw fault
      return undefined
    }
  }
  if (!tls.isRequired && answer === NO) return socket
  socket.destroy()
  if (!tls.isRequired) return undefined
  throw new ConnectionFault('ENOTLS', 'The server offers no TLS')
}

/** The answer is one byte. More bytes would be from an attacker who inserts them before the encryption starts. */
async function askForTls(socket: Socket, ms: number) {
  const answered = waitFor<Buffer>(socket, 'data', ms)
  socket.write(SSL_REQUEST)
  const answer = await answered
  if (answer.length === 1) return answer[0]
  socket.destroy()
  throw new ConnectionFault('ETLS', 'The server sends more than whether it offers TLS')
}

async function startTls(socket: Socket, { name }: Host, tls: Tls, ms: number) {
  const encrypted = connectTls({
    socket,
    secureContext: getContext(tls),
    ...(tls.sendsName && isIP(name) === 0 && { servername: name }),
    ...(tls.isDirect && { ALPNProtocols: ['postgresql'] }),
    rejectUnauthorized: tls.checks !== 'nothing',
    checkServerIdentity: (_: string, certificate: PeerCertificate) =>
      tls.checks === 'name' ? checkServerIdentity(name, certificate) : undefined,
  })
  try {
    await waitFor(encrypted, 'secureConnect', ms)
    return encrypted
  } catch (fault) {
    socket.destroy()
    throw explain(fault)
  }
}

const contexts = new Map<string, SecureContext>()
const MAX_CONTEXTS = 4

/** Cached, because reading hundreds of certificates takes milliseconds. */
function getContext({ cert, key, passphrase, checks, ca, minVersion, maxVersion }: Tls) {
  const id = [checks === 'nothing', ca, cert, key, passphrase, minVersion, maxVersion].join('\n')
  const context =
    contexts.get(id) ??
    createSecureContext({
      minVersion,
      ...(maxVersion && { maxVersion }),
      ...(cert && { cert, key, passphrase }),
      ...(checks !== 'nothing' && { ca: ca ?? getPublicAuthorities() }),
    })
  if (contexts.size >= MAX_CONTEXTS) contexts.clear()
  contexts.set(id, context)
  return context
}

function explain(fault: unknown) {
  const { code = '' } = fault as { code?: string }
  if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|HOSTNAME/.test(code) && !/ALERT/.test(code)) {
    return new ConnectionFault(
      'ECERTIFICATE',
      `The certificate of the server is not trusted (${code})`,
      fault,
    )
  }
  return new ConnectionFault('ETLS', `TLS fails (${code})`, fault)
}

/** Resolves with the next event of this name. Rejects, and destroys the socket, if another event ends it before. */
function waitFor<T = unknown>(
  socket: Socket,
  event: 'connect' | 'data' | 'secureConnect',
  ms: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (fault: unknown) => {
      settle()
      // Without a listener, a late error would end the process.
      socket.on('error', () => {})
      socket.destroy()
      reject(fault)
    }
    const succeed = (value: T) => {
      settle()
      resolve(value)
    }
    const onClose = () => fail(new ConnectionFault('ECONNRESET', 'The server has closed the connection'))
    const timer = setTimeout(
      () => fail(new ConnectionFault('CONNECT_TIMEOUT', 'The server does not answer')),
      ms,
    )
    const settle = () => {
      clearTimeout(timer)
      socket.off(event, succeed).off('error', fail).off('close', onClose)
    }
    socket.on(event, succeed).on('error', fail).on('close', onClose)
  })
}
