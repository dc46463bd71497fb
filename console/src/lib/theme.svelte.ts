import { recall, remember } from './remember'

export type Theme = 'auto' | 'light' | 'dark'
const kept = recall('theme')
const state = $state<{ theme: Theme }>({ theme: kept === 'light' || kept === 'dark' ? kept : 'auto' })
apply()

function apply(): void {
  if (typeof document === 'undefined') return
  if (state.theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = state.theme
}
// Drawings are in pixels of a 16-pixel font: how much larger they must be for the font that is set (a projector's).
export const scale = (): number => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16

export const theme = (): Theme => state.theme
export function setTheme(value: Theme): void {
  state.theme = value
  remember('theme', value)
  apply()
}
