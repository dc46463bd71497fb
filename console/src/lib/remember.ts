// What this browser remembers: language, theme, whether single-key shortcuts are on. Never content, never a secret.
// Storage may be switched off by policy; then the choice holds until the page is closed.
export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`sillok.${name}`)
  } catch {
    return null
  }
}
export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`sillok.${name}`, value)
  } catch {
    // Nothing to do: the choice holds for this page.
  }
}
