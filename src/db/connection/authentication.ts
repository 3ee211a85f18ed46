import { createHash, type X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Target } from '../../libpq/target.ts'
import { ConnectionFault } from './connection-fault.ts'

/** What the patched driver reads from a socket. */
type Marks = {
  /** An error if an authentication request of the server must not be answered. */
  refusalOf?: (request: number, message: Buffer) => Error | undefined
  /** The hash of the server's certificate, to which SCRAM binds. */
  channelBinding?: Buffer
}

/** Makes the driver follow `require_auth` and `channel_binding` on this socket. */
export function restrictAuthentication(socket: Socket & Marks, { authentication, bindsChannel }: Target) {
  if (bindsChannel) socket.channelBinding = hashCertificate(socket)
  if (bindsChannel || authentication) socket.refusalOf = createJudge(authentication, bindsChannel)
  return socket
}

/** RFC 5929, `tls-server-end-point`: the hash of the certificate's signature, or SHA-256 instead of MD5 and SHA-1. */
function hashCertificate(socket: Socket) {
  const fail = (code: 'ENOTLS' | 'ESIGNIN', message: string) => {
    socket.destroy()
    throw new ConnectionFault(code, message)
  }
  if (!('getPeerX509Certificate' in socket)) return fail('ENOTLS', 'Channel binding needs TLS')
  const certificate = (socket as TLSSocket).getPeerX509Certificate() as
    | (X509Certificate & { signatureAlgorithm?: string })
    | undefined
  const algorithm = certificate?.signatureAlgorithm ?? ''
  const [, bits] = /sha-?(224|256|384|512)/i.exec(algorithm) ?? []
  const hash = bits ? `sha${bits}` : /md5|sha1/i.test(algorithm) ? 'sha256' : undefined
  if (certificate && hash) return createHash(hash).update(certificate.raw).digest()
  return fail('ESIGNIN', 'A channel cannot be bound to a certificate of this kind')
}

const [OK, SASL, SASL_CONTINUE, SASL_FINAL] = [0, 10, 11, 12]

/** Checks each authentication request by its number in the protocol. The server ends with `OK`. */
function createJudge(allowed: number[] | undefined, bindsChannel: boolean) {
  let method = OK
  let hasProof = false
  return (request: number, message: Buffer) => {
    if (request === SASL_FINAL) hasProof = true
    if (request === SASL_CONTINUE || request === SASL_FINAL) return undefined
    if (request !== OK) method = request
    const isAllowed = !allowed || allowed.includes(method)
    const isComplete = request !== OK || method !== SASL || hasProof
    const isBound =
      !bindsChannel ||
      (request === OK ? hasProof : request === SASL && message.includes('SCRAM-SHA-256-PLUS\0'))
    if (isAllowed && isComplete && isBound) return undefined
    const reason = isAllowed
      ? 'The server does not bind the channel'
      : 'The server asks for a credential in a way that is not allowed'
    return new ConnectionFault('ESIGNIN', reason)
  }
}
