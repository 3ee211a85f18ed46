/** The access token of an `Authorization` header (RFC 6750, section 2.1); null if there is none. */
export function bearerOf(header: string | null | undefined): string | null {
  return /^bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? null
}
