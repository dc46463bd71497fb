// Geometry of the answer-rate chart and of the graph of links; drawing is done by the components.

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

export function linePath(points: readonly Point[]): string {
  return points.map((p, i) => `${i === 0 ? 'M' : 'L'}${p.x.toFixed(1)} ${p.y.toFixed(1)}`).join('')
}

// Neighbours on one or more ellipses around the record in the middle, incoming on the left half, outgoing on the right, as a
// page is read; at most kPerRing on a half ring so that names do not overlap.
const kPerRing = 7
export function around(count: { in: number; out: number }, width: number, height: number): { in: Point[]; out: Point[] } {
  const side = (n: number, sign: -1 | 1): Point[] => {
    const points: Point[] = []
    for (let i = 0; i < n; ++i) {
      const ring = Math.floor(i / kPerRing)
      const inRing = Math.min(kPerRing, n - ring * kPerRing)
      const k = i % kPerRing
      // Spread over 140 degrees about the horizontal.
      const angle = inRing === 1 ? 0 : ((k / (inRing - 1)) * 2 - 1) * ((70 * Math.PI) / 180)
      const reach = 0.62 + 0.3 * ((ring + 1) / (Math.ceil(n / kPerRing) || 1))
      points.push({
        x: width / 2 + sign * Math.cos(angle) * (width / 2 - 130) * Math.min(reach, 0.92),
        y: height / 2 + Math.sin(angle) * (height / 2 - 34),
      })
    }
    return points
  }
  return { in: side(count.in, -1), out: side(count.out, 1) }
}
