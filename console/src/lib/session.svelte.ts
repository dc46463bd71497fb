// Who is signed in. The server says so by cookie; this page only holds the token that goes with changes.
import { get, post, remove, setCsrf, whenSignedOut } from './api'
import { lang, tr } from './i18n.svelte'
import type { Level, Scope, Session } from './types'

const state = $state<{ session: Session | null; known: boolean; over: boolean }>({ session: null, known: false, over: false })

export const session = () => state.session
export const known = () => state.known
// The session ended while somebody was working: the sign-in page says so.
export const over = () => state.over

function take(session: Session | null): void {
  state.session = session
  state.known = true
  setCsrf(session?.csrf ?? '')
}
whenSignedOut(() => {
  if (state.session) state.over = true
  take(null)
})

export async function whoAmI(): Promise<void> {
  try {
    take(await get<Session>('/api/session', { quiet: true }))
  } catch {
    take(null)
  }
}
export async function signIn(name: string, password: string): Promise<void> {
  take(await post<Session>('/api/session', { name, password }, { quiet: true }))
  state.over = false
}
export async function first(secret: string, name: string, password: string): Promise<void> {
  take(await post<Session>('/api/first', { secret, name, password }, { quiet: true }))
}
export async function signOut(): Promise<void> {
  const reply = await remove<{ continue?: string } | undefined>('/api/session')
  state.over = false
  take(null)
  // Signed out here; the provider's own page for it comes next.
  if (reply?.continue) location.href = reply.continue
}
export function may(scope: Scope): boolean {
  return state.session?.person.may.includes(scope) ?? false
}
// The home's levels, least sensitive first; N2SF's three where the server does not say.
const usual: Level[] = [{ name: 'O', title: '' }, { name: 'S', title: '' }, { name: 'C', title: '' }]
export function levels(): Level[] {
  const given = state.session?.levels
  return given && given.length > 0 ? given : usual
}
// The server's words for a level are the organisation's, in Korean; N2SF's three are known in English too.
export function levelTitle(name: string): string {
  const given = levels().find((l) => l.name === name)?.title ?? ''
  const known = tr('level', name)
  return lang() === 'ko' || known === name ? given || (known === name ? '' : known) : known
}
export const groups = (): string[] => state.session?.groups ?? []
