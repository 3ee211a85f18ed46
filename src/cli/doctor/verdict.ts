/** The result of one check, with advice if it is not good. */
export type Verdict = { state: 'good' | 'note' | 'bad'; summary: string; advice?: string }

export const good = (summary: string): Verdict => ({ state: 'good', summary })
/** It works, but the operator should know. */
export const note = (summary: string, advice: string): Verdict => ({ state: 'note', summary, advice })
export const bad = (summary: string, advice: string): Verdict => ({ state: 'bad', summary, advice })
