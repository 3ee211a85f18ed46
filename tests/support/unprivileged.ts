const UNPRIVILEGED_ID = 65_534

/** For `spawn`: a user without rights if the tests run as root, because some servers refuse to run as root. */
export const AS_UNPRIVILEGED = process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {}
