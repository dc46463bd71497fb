// Routes live after "#": "#/record/WS-118?version=2". The server knows none of them.
export interface Route { page: string; arg: string; params: URLSearchParams }

export function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const [page = '', ...rest] = path.split('/')
  let arg = rest.join('/')
  try {
    arg = decodeURIComponent(arg)
  } catch {
    // A malformed escape: taken as written; the record will not be found and the page says so.
  }
  return { page: page || 'ask', arg, params: new URLSearchParams(search) }
}

export function href(page: string, arg = '', params: Record<string, string | number | undefined> = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (value !== undefined && value !== '') search.set(name, String(value))
  const text = search.toString()
  return `#/${page}${arg ? `/${encodeURIComponent(arg)}` : ''}${text ? `?${text}` : ''}`
}

const state = $state({ route: parse(typeof location === 'undefined' ? '' : location.hash) })
if (typeof window !== 'undefined') {
  window.addEventListener('hashchange', () => {
    state.route = parse(location.hash)
  })
}
export const route = (): Route => state.route
export function go(to: string): void {
  location.hash = to
}
// Changes the address without a new entry in the history (filters, tabs).
export function swap(to: string): void {
  history.replaceState(null, '', to)
  state.route = parse(location.hash)
}
