// What the console says of training runs: figures in words, what is shown first, what the chart says to who does not see it.
import { number, t } from './i18n.svelte'
import type { LossPoint, TrainingRun } from './types'

const kJoulesPerKilowattHour = 3.6e6

// Joules as people read them: J, kJ, and kWh from where an electricity meter counts.
export function energy(run: Pick<TrainingRun, 'joules' | 'energy'>): string {
  const j = run.joules
  const text = j < 1000 ? `${number(j)} J` : j < kJoulesPerKilowattHour ? `${number(j / 1000, j < 10_000 ? 1 : 0)} kJ` : `${number(j / kJoulesPerKilowattHour, 2)} kWh`
  return run.energy === 'estimated' ? t('training.estimated', { energy: text }) : text
}

export const loss = (value: number): string => number(value, value < 0.1 ? 4 : 3)

// The one that was asked for, else one that runs, else the newest.
export function shownRun(runs: readonly TrainingRun[], wanted: string): TrainingRun | undefined {
  return runs.find((r) => r.id === wanted) ?? runs.find((r) => r.state === 'running') ?? runs[0]
}

export function summary(curve: readonly LossPoint[]): string {
  const first = curve[0]
  const last = curve[curve.length - 1]
  if (!first || !last) return t('training.nothing')
  return t('training.summary', { first: loss(first.loss), from: number(first.step), last: loss(last.loss), to: number(last.step), least: loss(Math.min(...curve.map((p) => p.loss))) })
}

// At most `most` points, evenly apart, the last one in: the rows of the table.
export function picked(curve: readonly LossPoint[], most: number): LossPoint[] {
  if (curve.length <= most) return [...curve]
  return Array.from({ length: most }, (_, i) => curve[Math.round(((i + 1) * curve.length) / most) - 1]!)
}
