// Pieces of an answer's text: words, and the marks [n] that cite.
export type Part = { text: string } | { cite: number }

// Only numbers that are cited become marks: "[2024]" in a record's words stays text. "[1, 3]" and "[1][3]" are two marks.
export function answerParts(text: string, known: ReadonlySet<number>): Part[] {
  const out: Part[] = []
  let from = 0
  for (const match of text.matchAll(/\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g)) {
    const numbers = match[1]!.split(',').map(Number)
    if (!numbers.every((n) => known.has(n))) continue
    if (match.index > from) out.push({ text: text.slice(from, match.index) })
    for (const n of numbers) out.push({ cite: n })
    from = match.index + match[0].length
  }
  if (from < text.length) out.push({ text: text.slice(from) })
  return out
}

// A text cut at spans to mark; spans are UTF-16 offsets, may be out of order, out of bounds or overlapping.
export function marked(text: string, spans: readonly (readonly [number, number])[]): { text: string; mark: boolean }[] {
  const sorted = spans
    .map(([b, e]) => [Math.max(0, b), Math.min(text.length, e)] as const)
    .filter(([b, e]) => b < e)
    .sort((a, b) => a[0] - b[0])
  const out: { text: string; mark: boolean }[] = []
  let from = 0
  for (const [begin, end] of sorted) {
    if (end <= from) continue
    const start = Math.max(begin, from)
    if (start > from) out.push({ text: text.slice(from, start), mark: false })
    out.push({ text: text.slice(start, end), mark: true })
    from = end
  }
  if (from < text.length) out.push({ text: text.slice(from), mark: false })
  return out
}

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = n
  let unit = 0
  while (value >= 1000 && unit + 1 < units.length) value /= 1000, ++unit
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

// An answer's text cut at the sentences that nothing supports (shown under the policy "mark").
export function support(text: string, sentences: readonly { text: string; supported: boolean }[]): { text: string; supported: boolean }[] {
  const spans: [number, number][] = []
  let from = 0
  for (const sentence of sentences) {
    const at = text.indexOf(sentence.text, from)
    if (at < 0) continue
    from = at + sentence.text.length
    if (!sentence.supported) spans.push([at, from])
  }
  return marked(text, spans).map(({ text: part, mark }) => ({ text: part, supported: !mark }))
}
