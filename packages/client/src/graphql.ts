import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core'
import { request } from './rest.ts'

/** The text of an operation, with the types of its result and its variables. */
export type Operation<Data, Variables> = DocumentTypeDecoration<Data, Variables> & { toString(): string }

/** Sends an operation once, with the cookie, unless the signal is aborted before the answer. @throws `ServauthError` */
export async function sendOperation<Data, Variables>(
  url: string,
  document: Operation<Data, Variables>,
  variables: Variables | undefined,
  signal: AbortSignal,
): Promise<Data> {
  const body = { query: document.toString(), variables }
  const options = { method: 'POST', credentials: 'include', body, signal } as const
  return (await request<{ data: Data }>(url, options)).data
}
