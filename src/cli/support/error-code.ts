type Codes = { code?: unknown; originalCode?: unknown; responseCode?: unknown }

/** The code of an error or of its nearest cause that has one. Safe to print, unlike messages, which may hold secrets. */
export function getErrorCode(error: unknown): string {
  for (let current = error; current instanceof Error; current = current.cause) {
    // nodemailer keeps the code of the system or of TLS here, and has one code of its own for all of them.
    const { code, originalCode, responseCode } = current as Codes
    const own = originalCode ?? code
    if (own !== undefined) return responseCode ? `${own}, answer ${responseCode}` : String(own)
  }
  return error instanceof Error ? error.name : 'unknown error'
}
