/** PostgreSQL's advisory locks that replicas take from one another. Any numbers will do, as long as all take the same. */
export const LOCKS = { migration: 7_378_283, housekeeping: 7_378_284, signingKey: 7_378_285 } as const
