import type { revocations } from '../db/schema/sessions.ts'

/** Something that ended. `atMs`: when it happened, on this process's monotonic clock. */
export type Revocation = {
  id: number
  xid: bigint
  kind: (typeof revocations.$inferSelect)['kind']
  subject: string | null
  atMs: number
}

/** A service that listens to the feed. `serviceId`: of its key, whose connections are counted together. */
export type RevocationListener = {
  serviceId: string
  /** Everything that happened until this moment of the monotonic clock may have been forgotten. */
  onForgotten: (untilMs: number) => void
  /** All listeners share the lists. `position`: from where a service continues that has them all. */
  onRevocations: (lists: Revocation[][], position: string | null) => void
  /** Everything that was committed until `ageMs` ago has been sent. */
  onProof: (ageMs: number) => void
  /** Called regularly while nothing is proven. */
  onSilence: () => void
  /** The server stops. */
  onEnd: () => void
}

export type RevocationFeed = {
  /**
   * Adds a listener and gives it what it has missed since `position`. @returns a function that removes it
   * @throws `SERVICE_UNAVAILABLE` if the server stops or the database does not answer, `TOO_MANY_REQUESTS` if the service
   * has too many connections
   */
  listen(listener: RevocationListener, position: string | null): Promise<() => void>
}
