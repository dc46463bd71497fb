// Geometry of the charts of answer rates and losses, and of the graph of links; drawing is done by the components.

export interface Point { x: number; y: number }

// Round limits and ticks for rates: whole steps of 5, 10, 20 or 25 points that hold all values, never beyond 0 and 1.
export function rateAxis(values: readonly number[]): { low: number; high: number; ticks: number[] } {
  const least = Math.min(...values, 1)
  const most = Math.max(...values, 0)
  const span = Math.max(most - least, 0.04)
  const step = [0.02, 0.05, 0.1, 0.2, 0.25].find((s) => span / s <= 5) ?? 0.25
  const low = Math.max(0, Math.floor((least - step / 2) / step + 1e-9) * step)
  const high = Math.min(1, Math.ceil((most + step / 2) / step - 1e-9) * step)
  const ticks: number[] = []
  for (let i = 0; low + i * step <= high + 1e-9; ++i) ticks.push(Number((low + i * step).toFixed(4)))
  return { low, high, ticks }
}

// Round limits and at most six ticks that hold all values, in steps of 1, 2 or 5 times a power of ten.
export function valueAxis(values: readonly number[]): { low: number; high: number; ticks: number[]; digits: number } {
  const least = Math.min(...values)
  const span = Math.max(Math.max(...values) - least, Math.abs(least) * 1e-3, 1e-9)
  const power = 10 ** Math.floor(Math.log10(span / 5))
  const step = [1, 2, 5, 10].map((s) => s * power).find((s) => span / s <= 5)!
  const low = Math.floor(least / step + 1e-9)
  const high = Math.ceil((least + span) / step - 1e-9)
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => Number(((low + i) * step).toPrecision(12)))
  return { low: ticks[0]!, high: ticks[ticks.length - 1]!, ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) }
}

export function linePath(points: readonly Point[]): string {
  return points.map((p, i) => `${i === 0 ? 'M' : 'L'}${p.x.toFixed(1)} ${p.y.toFixed(1)}`).join('')
}

// Neighbours of the record in the middle: those that point at it on the left, those it points to on the right, as a page is
// read; each side is a shallow arc, kNodeApart from name to name.
export const kNodeApart = 62
export function around(count: { in: number; out: number }, width: number, height: number): { in: Point[]; out: Point[] } {
  // Half a node and a margin are kept free at the edge; on a wide window the arcs stay near.
  const reach = Math.min(width / 2 - 132, 420)
  const side = (n: number, sign: -1 | 1): Point[] =>
    Array.from({ length: n }, (_, k) => {
      const from = k - (n - 1) / 2
      const bend = n < 2 ? 0 : (from / ((n - 1) / 2)) ** 2
      return { x: width / 2 + sign * reach * (1 - 0.12 * bend), y: height / 2 + from * kNodeApart }
    })
  return { in: side(count.in, -1), out: side(count.out, 1) }
}
