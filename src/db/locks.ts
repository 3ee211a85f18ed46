/** The keys of the PostgreSQL advisory locks for which replicas compete. Every version must use the same numbers. */
export const LOCKS = {
  migration: 7_378_283,
  housekeeping: 7_378_284,
  signingKey: 7_378_285,
  administrators: 7_378_286,
  roles: 7_378_287,
  serviceKeys: 7_378_288,
  webhooks: 7_378_289,
} as const
