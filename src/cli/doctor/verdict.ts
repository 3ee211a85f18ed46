/** What is the matter with a part of the server, and what to do about it. */
export type Verdict = { state: 'good' | 'note' | 'bad'; says: string; wayOut?: string }

export const good = (says: string): Verdict => ({ state: 'good', says })
/** Works, and should be known. */
export const note = (says: string, wayOut: string): Verdict => ({ state: 'note', says, wayOut })
export const bad = (says: string, wayOut: string): Verdict => ({ state: 'bad', says, wayOut })

/** The code of a fault or of what caused it; its message may hold what nobody should see. */
export function codeOf(fault: unknown): string {
  for (let inner = fault; inner instanceof Error; inner = inner.cause) {
    const { code, responseCode } = inner as { code?: unknown; responseCode?: unknown }
    if (code !== undefined) return responseCode ? `${code}, answer ${responseCode}` : String(code)
  }
  return fault instanceof Error ? fault.name : 'unknown fault'
}
