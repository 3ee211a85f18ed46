import type { Algorithm, Options } from '@node-rs/argon2'

/** The parameters of Servauth (`ARGON2_*` in src/env.ts), so that all servers compute the same hash. */
export const ARGON2ID: Options = {
  algorithm: 2 as Algorithm.Argon2id,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
}
