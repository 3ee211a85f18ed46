/** The caller of a request that a gateway asks about. */
export type Forwarded = { userId: string; sessionId: string; accessToken: string }
