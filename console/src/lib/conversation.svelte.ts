// The conversation on the Ask page. It lives as long as the page is open, so that one can look at a record and come back.
import { ApiError, ask, message } from './api'
import type { Answer, Citation } from './types'

export interface Turn {
  id: number
  question: string
  asOf: string           // "" = today
  at: string             // when it was asked, ISO
  state: 'searching' | 'writing' | 'done' | 'failed' | 'cancelled'
  citations: Citation[]
  searched: { record: string; title: string }[]
  text: string           // as streamed
  answer: Answer | null
  error: string
}

const state = $state<{ turns: Turn[]; draft: string; asOf: string }>({ turns: [], draft: '', asOf: '' })
export const conversation = state
let last = 0
let running: AbortController | null = null

export const busy = () => state.turns.some((turn) => turn.state === 'searching' || turn.state === 'writing')

// Earlier turns that have an answer, oldest first. The server bounds how many it reads; more than these never help.
const kTurnsSent = 6
function history(): { question: string; answer: string }[] {
  return state.turns
    .filter((turn) => turn.answer?.answerable)
    .slice(-kTurnsSent)
    .map((turn) => ({ question: turn.question, answer: turn.answer!.answer }))
}

export async function put(question: string, asOf: string): Promise<void> {
  if (busy()) return
  const conversation = history()
  state.turns.push({
    id: ++last, question, asOf, at: new Date().toISOString(), state: 'searching', citations: [], searched: [], text: '', answer: null, error: '',
  })
  const turn = state.turns[state.turns.length - 1]!
  running = new AbortController()
  const signal = running.signal
  try {
    turn.answer = await ask(
      { question, ...(asOf && { as_of: asOf }), ...(conversation.length > 0 && { conversation }) },
      {
        evidence: ({ citations, searched }) => {
          turn.citations = citations
          turn.searched = searched ?? []
          turn.state = 'writing'
        },
        text: (text) => {
          turn.state = 'writing'
          turn.text += text
        },
      },
      signal,
    )
    turn.citations = turn.answer.citations
    turn.searched = turn.answer.searched ?? []
    turn.state = 'done'
  } catch (error) {
    turn.state = signal.aborted ? 'cancelled' : 'failed'
    turn.error = signal.aborted ? '' : message(error)
    // What was put is kept in the field if nothing came of it for want of a session or a connection.
    if (error instanceof ApiError && (error.status === 401 || error.status === 0)) state.draft = question
  } finally {
    running = null
  }
}

export function cancel(): void {
  running?.abort()
}
export function fresh(): void {
  cancel()
  state.turns = []
}
