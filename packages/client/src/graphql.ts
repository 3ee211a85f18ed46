import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core'
import { type ErrorDetails, request, ServauthError } from './rest.ts'

/** The text of an operation, with the types of its result and its variables. */
export type Operation<Data, Variables> = DocumentTypeDecoration<Data, Variables> & { toString(): string }

type Answer<Data> = { data?: Data | null; errors?: { message: string; extensions: ErrorDetails }[] }

/** Sends an operation once, with the cookie. @throws `ServauthError` */
export async function sendOperation<Data, Variables>(
  url: string,
  document: Operation<Data, Variables>,
  variables?: Variables,
): Promise<Data> {
  const body = { query: document.toString(), variables }
  const { data, errors } = await request<Answer<Data>>(url, { method: 'POST', credentials: 'include', body })
  const error = errors?.[0]
  if (error) throw new ServauthError(error.message, error.extensions)
  return data as Data
}
