/** The code of an error or of its nearest cause that has one. Safe to print, unlike messages, which may hold secrets. */
export function getErrorCode(error: unknown): string {
  for (let current = error; current instanceof Error; current = current.cause) {
    const { code, responseCode } = current as { code?: unknown; responseCode?: unknown }
    if (code !== undefined) return responseCode ? `${code}, answer ${responseCode}` : String(code)
  }
  return error instanceof Error ? error.name : 'unknown error'
}
