// The passage shown beside a citation while it is pointed at or focused; one at a time.
import type { Citation } from './types'

const state = $state<{ citation: Citation | null; box: DOMRect | null }>({ citation: null, box: null })
export const peek = state
let timer: ReturnType<typeof setTimeout> | undefined

// A pointer that only passes over opens nothing; focus opens at once.
export function show(citation: Citation, of: Element, wait_ms = 0): void {
  clearTimeout(timer)
  timer = setTimeout(() => {
    state.citation = citation
    state.box = of.getBoundingClientRect()
  }, wait_ms)
}
// Leaves time to move the pointer onto the passage itself (WCAG 1.4.13).
export function hide(wait_ms = 0): void {
  clearTimeout(timer)
  timer = setTimeout(() => {
    state.citation = null
  }, wait_ms)
}
export function keep(): void {
  clearTimeout(timer)
}
