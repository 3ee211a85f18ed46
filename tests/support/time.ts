export const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

/** The seconds since a moment of `performance.now()`. */
export const secondsSince = (began: number) => (performance.now() - began) / 1000
