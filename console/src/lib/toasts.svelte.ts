// Short notes on what was done or went wrong, read out by screen readers. An error stays until it is closed.
export interface Toast { id: number; text: string; bad: boolean }
const state = $state<{ list: Toast[] }>({ list: [] })
let last = 0

export const toasts = () => state.list
export function say(text: string, bad = false): void {
  const id = ++last
  state.list.push({ id, text, bad })
  // Six seconds: long enough to read two lines twice.
  if (!bad) setTimeout(() => dismiss(id), 6000)
}
export function dismiss(id: number): void {
  state.list = state.list.filter((toast) => toast.id !== id)
}
