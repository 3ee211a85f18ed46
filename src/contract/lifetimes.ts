/** The times that descriptions of operations name. All others are in the parts that keep them (`docs/limits.md`). */

/** How long after a password check a session counts as fresh. */
export const FRESHNESS_SECONDS = 15 * 60

/** How recently the password or a factor must have been proven in a session that changes factors. */
export const MAX_PROOF_AGE_SECONDS = 5 * 60

/**
 * How long the predecessor of a refresh token stays valid after the first use of the token. A session rotates at most once
 * in this time.
 */
export const GRACE_SECONDS = 30

/** How long the owner has to stop a recovery of factors that a taker has started. */
export const RECOVERY_WAIT_SECONDS = 72 * 3600
