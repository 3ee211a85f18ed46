import { z } from 'zod'

/** The fields that several outputs share. Outputs are not parsed at run time; tests hold every answer to them. */

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
