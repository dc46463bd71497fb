// Keys that work anywhere outside text fields. Pages add theirs while they are shown. They can be switched off, for people
// who speak to their computer or press keys by accident (WCAG 2.1.4).
import { untrack } from 'svelte'
import type { Text } from './i18n.svelte'
import { recall, remember } from './remember'

export interface Shortcut { keys: string; text: Text; run: () => void }  // keys: "?", "g a" (one after the other)

const state = $state<{ list: Shortcut[]; on: boolean }>({ list: [], on: recall('keys') !== 'off' })
export const shortcuts = () => state.list
export const shortcutsOn = () => state.on
export function setShortcuts(on: boolean): void {
  state.on = on
  remember('keys', on ? 'on' : 'off')
}

// Adds shortcuts; the result takes them away again (fits $effect).
export function bind(list: Shortcut[]): () => void {
  // An effect that binds must not run again because the list changed.
  untrack(() => (state.list = [...state.list, ...list]))
  return () => {
    untrack(() => (state.list = state.list.filter((item) => !list.some((own) => own.keys === item.keys && own.run === item.run))))
  }
}

function inField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
}

let pending = ''
let pendingUntil = 0
// A second key may follow the first within this time.
const kFollow_ms = 1200

export function onKey(event: KeyboardEvent): void {
  if (!state.on || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || inField(event.target)) return
  if (document.querySelector('dialog[open]')) return
  const now = Date.now()
  const keys = pending && now < pendingUntil ? `${pending} ${event.key}` : event.key
  pending = ''
  // The last one added wins: a page's before the whole program's.
  const found = state.list.findLast((item) => item.keys === keys)
  if (found) {
    event.preventDefault()
    found.run()
  } else if (state.list.some((item) => item.keys.startsWith(`${keys} `))) {
    pending = keys
    pendingUntil = now + kFollow_ms
  }
}
