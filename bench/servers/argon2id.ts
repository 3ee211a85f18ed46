import type { Algorithm, Options } from '@node-rs/argon2'

/** Servauth's parameters (`ARGON2_*` in src/env.ts), for everything that is held against it. */
export const ARGON2ID: Options = {
  algorithm: 2 as Algorithm.Argon2id,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
}
