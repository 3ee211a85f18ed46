import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core'
import { request } from './rest.ts'

/** The text of an operation, with the types of its result and its variables. A parsed document is not one. */
export type Operation<Data, Variables> = DocumentTypeDecoration<Data, Variables> & {
  toString(): string
  kind?: never
}

/** Sends an operation once, with the cookie, unless the signal is aborted before the answer. @throws `ServauthError` */
export async function sendOperation<Data, Variables>(
  url: string,
  document: Operation<Data, Variables>,
  variables: Variables | undefined,
  signal: AbortSignal,
): Promise<Data> {
  if ('kind' in Object(document)) {
    throw new TypeError(
      'session.request takes operations as text: those of @servauth/client, not of its /documents.',
    )
  }
  const body = { query: document.toString(), variables }
  const options = { method: 'POST', credentials: 'include', body, signal } as const
  return (await request<{ data: Data }>(url, options)).data
}
