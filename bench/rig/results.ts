/** One figure of a subject, with its value in each round. */
export type Result = {
  operation: string
  subject: string
  figure: string
  values: number[]
}

/** A fault, or the reason why a subject was left out. */
export type Trouble = { operation: string; subject: string; description: string; leftOut: boolean }

export type Results = { results: Result[]; troubles: Trouble[] }

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
