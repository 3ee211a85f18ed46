import { createChanges } from '../../src/db/changes/changes.ts'

/** A program that listens for changes, and then has nothing more to do. */
const changes = createChanges(process.env.DATABASE_URL ?? '')
changes.start()
await changes.catchUp()
