import { z } from 'zod'

/** The fields that several outputs share. Outputs are not parsed at run time; tests hold every answer to them. */

/** Picks the fields of an output from a row, which has more columns than clients may see. */
export function createPicker<Output extends z.ZodObject>({ shape }: Output) {
  const names = Object.keys(shape) as (keyof z.output<Output>)[]
  return (row: z.output<Output>) =>
    Object.fromEntries(names.map((name) => [name, row[name]])) as z.output<Output>
}

/** A Date, or the same time as `toISOString` writes it, which lists get from the database. Clients see no difference. */
export type Time = Date | string
export const Time: z.ZodType<Time> = z.date().meta({ examples: ['2026-11-24T10:15:00.000Z'] })

export const IpAddress = z
  .string()
  .nullable()
  .meta({
    description: 'The address of the client, as far as the server can trust its proxies.',
    examples: ['203.0.113.9'],
  })

export const UserAgent = z
  .string()
  .nullable()
  .meta({ examples: ['Mozilla/5.0'] })
