/** One figure of a subject, with its value in each round. */
export type Result = {
  operation: string
  subject: string
  figure: string
  values: number[]
}

/** A fault, or the reason why a subject was left out. */
export type Trouble = { operation: string; subject: string; description: string; leftOut: boolean }

/** What the machine and the versions were, how each operation was measured, and its figures. */
export type Results = {
  machine: string
  runs: Record<string, string>
  results: Result[]
  troubles: Trouble[]
}

/** Puts the results of one operation in the place of those that it had. */
export function replaceOperation(
  all: Results,
  operation: string,
  run: string,
  measured: Pick<Results, 'results' | 'troubles'>,
) {
  const isOther = (one: { operation: string }) => one.operation !== operation
  all.runs[operation] = run
  all.results = [...all.results.filter(isOther), ...measured.results]
  all.troubles = [...all.troubles.filter(isOther), ...measured.troubles]
}

export function median(values: number[]) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = Number.NaN, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return (low + high) / 2
}

/** Three digits, because the bench is not more precise than that. */
export function formatFigure(value: number) {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 10_000) return `${Number((value / 1000).toPrecision(3))}k`
  return String(Number(value.toPrecision(3)))
}
