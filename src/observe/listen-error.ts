type Names = { host: string; port: [name: string, value: number] }

/** Says which setting keeps a port from being opened, and what to do. Other errors are returned as they are. */
export function explainListenError(cause: unknown, { host, port: [portName, port] }: Names) {
  const { code = '' } = cause as NodeJS.ErrnoException
  const sentences: Record<string, string> = {
    EADDRINUSE: `${portName} ${port} is in use. Stop the program that uses it, or choose another port: ${portName}=${port + 1}`,
    EADDRNOTAVAIL: `${host} is not an address of this machine. Choose one of its addresses, or remove ${host}.`,
    EACCES: `This user may not open ${portName} ${port}. Choose a port from 1024 on: ${portName}=${port + 8000}`,
  }
  const sentence = sentences[code]
  return sentence ? new Error(sentence, { cause }) : cause
}
