// What changed between two runs of the gold questions.
import type { Evaluation, Failure } from './types'

// The server's figures are in percent, 0 to 100; here they are shares.
export const inShares = (run: Evaluation): Evaluation => ({ ...run, answer_rate: run.answer_rate / 100 })

// Of the figures that the server gives, those worth a line beside the rate.
export const shownFigures = ['recall_at_1', 'recall_at_5', 'abstention_precision', 'abstention_recall'] as const
export function figures(run: Evaluation): { name: (typeof shownFigures)[number]; value: number }[] {
  const given = run.figures ?? {}
  return shownFigures.flatMap((name) => (typeof given[name] === 'number' ? [{ name, value: given[name] / 100 }] : []))
}

export interface Change { failure: Failure; state: 'new' | 'still' }
export interface Comparison { failing: Change[]; mended: Failure[] }

// Failures of `now`, those that did not fail in `before` first; and those of `before` that fail no more. Without a run before
// there is nothing to call new.
export function compare(now: Evaluation, before: Evaluation | undefined): Comparison {
  const current = now.failures ?? []
  const earlier = before?.failures ?? []
  const failedBefore = new Set(earlier.map((f) => f.question))
  const failsNow = new Set(current.map((f) => f.question))
  const failing = current.map<Change>((failure) => ({
    failure, state: before && !failedBefore.has(failure.question) ? 'new' : 'still',
  }))
  failing.sort((a, b) => Number(b.state === 'new') - Number(a.state === 'new'))
  return { failing, mended: earlier.filter((f) => !failsNow.has(f.question)) }
}
