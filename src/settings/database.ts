import { z } from 'zod'
import { kind, refuse } from './kinds/kind.ts'
import { wholeNumber } from './kinds/number.ts'
import { urlFile } from './kinds/secret.ts'

/** The size of the pool of each process, unless `DATABASE_POOL_SIZE` sets another. */
export const DEFAULT_POOL_SIZE = 20

/** PostgreSQL cuts longer names. */
const MAX_NAME_BYTES = 63

/** Whether PostgreSQL reserves this name, also for the temporary tables of a connection. */
export const isReservedSchema = (name: string) => /^(pg_|information_schema$)/i.test(name)

const SchemaName = kind((name) => {
  // `$user` means the name of the role, also in quotation marks.
  if (/[,;\p{Cc}]|^\$user$/u.test(name)) refuse('must be the name of one schema')
  // They end the body of a function in the migrations.
  if (name.includes('$$')) refuse('must not have two dollar signs, one behind the other')
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) refuse(`must be at most ${MAX_NAME_BYTES} bytes long`)
  if (isReservedSchema(name)) refuse('must not be a schema of PostgreSQL itself')
  return name
})

/** The database, and how many events it keeps for how long. */
export const databaseSettings = {
  // `database-url.ts` checks it, because it depends on the variables of libpq.
  DATABASE_URL: z.string().optional(),
  DATABASE_URL_FILE: urlFile.optional(),
  DATABASE_SCHEMA: SchemaName.optional(),
  DATABASE_POOL_SIZE: wholeNumber(1, 1000).default(DEFAULT_POOL_SIZE),
  EVENT_RETENTION_DAYS: wholeNumber(1, 3650).default(90),
  EVENT_MAX_ROWS: wholeNumber(1000, 1_000_000_000).default(10_000_000),
}
