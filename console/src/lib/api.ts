// Calls to the server. Every failure becomes an ApiError whose message is the one line to show.
import { EventParser } from './sse'
import type { Answer, Citation } from './types'
import { t, tr } from './i18n.svelte'

export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message)
  }
}

let csrf = ''
let onSignedOut: () => void = () => {}
export function setCsrf(token: string): void {
  csrf = token
}
// Called when the server no longer knows us.
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler
}

async function failure(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null)
  const error = (body as { error?: { code?: string; message?: string } } | null)?.error
  return new ApiError(response.status, error?.code ?? String(response.status), error?.message ?? t('error.status', { status: response.status }))
}

export interface CallOptions { body?: unknown; signal?: AbortSignal; quiet?: boolean }

export async function send(method: string, path: string, { body, signal, quiet }: CallOptions = {}): Promise<Response> {
  const headers: Record<string, string> = {}
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  let response: Response
  try {
    response = await fetch(path, {
      method, headers, credentials: 'same-origin', cache: 'no-store',
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError(0, 'unreachable', t('error.unreachable'))
  }
  if (response.ok) return response
  const error = await failure(response)
  if (error.status === 401 && !quiet) onSignedOut()
  throw error
}

async function json<T>(method: string, path: string, options?: CallOptions): Promise<T> {
  const response = await send(method, path, options)
  return (response.status === 204 ? undefined : await response.json()) as T
}
export const get = <T>(path: string, options?: CallOptions) => json<T>('GET', path, options)
export const post = <T>(path: string, body?: unknown, options?: CallOptions) => json<T>('POST', path, { ...options, body })
export const patch = <T>(path: string, body: unknown) => json<T>('PATCH', path, { body })
export const remove = <T = void>(path: string, body?: unknown) => json<T>('DELETE', path, { body })

export const recordPath = (id: string) => `/api/records/${encodeURIComponent(id)}`

// A query string without what is empty.
export function query(values: Record<string, string | number | undefined | null>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== '') params.set(name, String(value))
  const text = params.toString()
  return text === '' ? '' : `?${text}`
}

export interface AskBody {
  question: string
  as_of?: string
  conversation?: { question: string; answer: string }[]
}
export interface AskHandlers {
  evidence: (evidence: { citations: Citation[]; searched: { record: string; title: string }[] }) => void
  text: (text: string) => void
}

// Asks and hands on what arrives. Aborting the signal closes the connection, which cancels the answer on the server.
export async function ask(body: AskBody, handlers: AskHandlers, signal: AbortSignal): Promise<Answer> {
  const response = await send('POST', '/api/ask', { body: { ...body, stream: true }, signal })
  if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) return (await response.json()) as Answer
  const parser = new EventParser()
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    let chunk: ReadableStreamReadResult<string>
    try {
      chunk = await reader.read()
    } catch (error) {
      if (signal.aborted) throw error
      throw new ApiError(0, 'broken', t('error.broken'))
    }
    if (chunk.done) throw new ApiError(0, 'broken', t('error.broken'))
    for (const { event, data } of parser.push(chunk.value)) {
      const value = JSON.parse(data) as unknown
      if (event === 'evidence') handlers.evidence(value as Parameters<AskHandlers['evidence']>[0])
      else if (event === 'text') handlers.text((value as { text: string }).text)
      else if (event === 'answer') return value as Answer
      else if (event === 'error') {
        const error = (value as { error: { code: string; message: string } }).error
        throw new ApiError(0, error.code, error.message)
      }
    }
  }
}

// One request with several files. Progress is of the bytes sent, over all of them. XMLHttpRequest, for fetch does not tell.
export function upload(
  files: { path: string; file: File }[],
  label: string,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<{ job: string | { id: string } }> {
  return new Promise((resolve, reject) => {
    const form = new FormData()
    // The label goes first: the server knows it before the first file arrives.
    if (label) form.append('label', label)
    for (const { path, file } of files) form.append('file', file, path)
    const request = new XMLHttpRequest()
    request.open('POST', '/api/records')
    request.setRequestHeader('X-CSRF-Token', csrf)
    request.responseType = 'json'
    request.upload.onprogress = (event) => progress(event.loaded)
    request.onerror = () => reject(new ApiError(0, 'unreachable', t('error.unreachable')))
    request.onabort = () => reject(new DOMException('cancelled', 'AbortError'))
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) return resolve(request.response)
      const error = (request.response as { error?: { code: string; message: string } } | null)?.error
      if (request.status === 401) onSignedOut()
      reject(new ApiError(request.status, error?.code ?? '', error?.message ?? t('error.status', { status: request.status })))
    }
    signal.addEventListener('abort', () => request.abort())
    request.send(form)
  })
}

// The one line to show: that of the error's code in the reader's language, in which the server's own may stand; else the
// server's own.
export function message(error: unknown): string {
  if (error instanceof ApiError) {
    const said = tr('refused', error.code)
    if (said !== error.code) return said.replace('{message}', () => error.message)
  }
  return error instanceof Error ? error.message : String(error)
}
