/** Why a connection failed before the driver could use it, with a code like those of the driver and the system. */
export class ConnectionFault extends Error {
  override readonly name = 'ConnectionFault'
  readonly code:
    | 'CONNECT_TIMEOUT'
    | 'ECONNRESET'
    | 'ENOTLS'
    | 'ETLS'
    | 'ECERTIFICATE'
    | 'ENOPRIMARY'
    | 'ESIGNIN'

  constructor(code: ConnectionFault['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

export const databaseTimeout = () =>
  new ConnectionFault('CONNECT_TIMEOUT', 'The database did not answer in time')
