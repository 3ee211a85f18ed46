import type { DocumentNode } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'

/** Of text, in all; what it parses to takes some twenty times as much memory. */
const MOST_CHARACTERS = 1_000_000

const NO_FAULTS: [] = []

/**
 * Parses and validates a document once. In the place of Yoga's own cache, which counts documents and not
 * their size, and spells out the names of all rules at each request.
 */
export function rememberDocuments() {
  const known = new LRUCache<string, DocumentNode>({
    maxSize: MOST_CHARACTERS,
    sizeCalculation: (_, text) => text.length,
  })
  const valid = new WeakSet<DocumentNode>()

  const plugin: Plugin = {
    onParse({ params, setParsedDocument }) {
      const document = known.get(String(params.source))
      if (document) setParsedDocument(document)
    },
    onValidate({ params, setResult }) {
      const document: DocumentNode = params.documentAST
      if (valid.has(document)) {
        setResult(NO_FAULTS)
        return
      }
      return ({ valid: isValid }) => {
        if (!isValid || !document.loc) return
        valid.add(document)
        known.set(document.loc.source.body, document)
      }
    },
  }
  /** A document that was found valid, by its text. */
  const find = (text: string) => known.get(text)
  return { plugin, find }
}
