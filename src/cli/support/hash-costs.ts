/** From here on, a few requests with wrong passwords occupy a core. */
export const MIN_NOTED_SECONDS = 1

export const describeCost = (seconds: number) =>
  `With the imported hashes, each failed sign-in takes a core ${seconds.toFixed(1)} seconds longer.`

export const COST_ADVICE =
  'Any client can cause that. Import the accounts with the dearest hashes by --without-hashes: see moving.md, "Hashes".'
