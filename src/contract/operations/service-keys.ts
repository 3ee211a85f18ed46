import { z } from 'zod'
import { Moment, RowId } from '../fields.ts'
import { administrationMutation, administrationQuery } from '../operation.ts'
import { CreatedServiceKey, ServiceKeyRecord } from '../outputs/administration/service-key.ts'
import { SCOPES, type Scope, ServiceName } from '../service-key.ts'

const Scopes = z
  .array(z.string().refine((name) => SCOPES.includes(name as Scope), `Must be one of ${SCOPES.join(', ')}.`))
  .min(1, 'Must not be empty.')
  .max(SCOPES.length, `Must have at most ${SCOPES.length} items.`)
  .transform((names) => [...new Set(names as Scope[])])
  .meta({ description: 'What the service may do. The caller must hold all of these permissions.' })

const CreateServiceKeyInput = z
  .strictObject({
    name: ServiceName.meta({
      description: 'The service. It may have several keys, so that one can replace another.',
    }),
    scopes: Scopes,
    expiresAt: Moment.transform((text) => new Date(text))
      .refine((time) => time.getTime() > Date.now(), 'Must be in the future.')
      .nullish()
      .meta({
        description: 'ISO 8601. Without it, the key does not expire, or with the key that creates it.',
      }),
  })
  .meta({ id: 'CreateServiceKeyInput' })

export const serviceKeyOperations = {
  serviceKeys: administrationQuery({
    summary: 'The keys of other services, the valid ones first',
    description:
      'Newest first, and then those that were revoked or have expired. Those of the setting `SERVICE_KEYS` are not listed.',
    output: z.array(ServiceKeyRecord),
    permission: 'service-keys:read',
    refusals: [],
    rest: { method: 'GET', path: '/auth/admin/service-keys', status: 200 },
  }),

  createServiceKey: administrationMutation({
    summary: 'Create a key for another service',
    description:
      'The key works at once on every replica. Only this answer shows it. The caller must also hold the scopes of valid keys of ' +
      'the same name, because events name the service. A key that creates another one gives it no later expiry than its own.',
    input: CreateServiceKeyInput,
    example: { name: 'orders', scopes: ['revocations:read'], expiresAt: '2099-12-31T00:00:00Z' },
    output: CreatedServiceKey,
    permission: 'service-keys:write',
    handlesCredential: true,
    refusals: [],
    rest: { method: 'POST', path: '/auth/admin/service-keys', status: 200 },
  }),

  revokeServiceKey: administrationMutation({
    summary: 'Revoke the key of another service',
    description:
      'The caller must hold its scopes. Every replica refuses it at once, and ends the streams that were opened with it.',
    input: z.strictObject({ id: RowId }),
    output: z.boolean(),
    permission: 'service-keys:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'DELETE', path: '/auth/admin/service-keys/:id', status: 204 },
  }),
}
