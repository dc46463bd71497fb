// The shapes of docs/API.md, as the server sends them.

export type Scope =
  | 'ask' | 'search' | 'read' | 'add' | 'label' | 'evaluate' | 'models' | 'people' | 'audit' | 'system'
export type Role = 'member' | 'curator' | 'auditor' | 'administrator' | 'service'
export const roles: Role[] = ['member', 'curator', 'auditor', 'administrator', 'service']
export const scopes: Scope[] = ['ask', 'search', 'read', 'add', 'label', 'evaluate', 'models', 'people', 'audit', 'system']

type Known<T> = T | null | undefined

export interface Person {
  name: string
  title: string
  role: Role
  label: string
  disabled: boolean
  created: string
  last_sign_in: Known<string>
  may: Scope[]
}
export interface Level { name: string; title: string }
export interface Session {
  person: Person
  csrf: string
  expires: string
  levels?: Level[]
  groups?: string[]
  model?: string | null
  version?: string
}
export interface Key {
  id: string
  person: string
  scopes: Scope[]
  created: string
  expires: Known<string>
  last_used: Known<string>
  revoked: boolean
}

export interface Version {
  number: number
  title: string
  format: string
  label: string
  valid_from?: Known<string>
  valid_to?: Known<string>
  recorded: string
  content_hash?: string
}
export interface RecordEntry {
  record: string
  title: string
  format: string
  label: string
  version: number
  valid_from?: Known<string>
  valid_to?: Known<string>
  recorded: string
  url?: Known<string>
  versions: number
}
export interface PersonalFound { kind: string; anchor: string; block?: number; masked?: string }
export interface RecordDetail extends Omit<RecordEntry, 'versions'> {
  versions: Version[]
  personal?: PersonalFound[]
}
export interface SignInWays { oidc: { title: string } | null; ldap: { title: string } | null }
export interface RecordPage { records: RecordEntry[]; next: string | null; total: number | null }
export interface Block {
  index: number
  anchor: string
  kind: string
  level?: number
  text: string
  rows?: string[][]
  header_rows?: number
}
export interface Link {
  kind: string
  direction: 'out' | 'in'
  record: string | null  // null: what it names is not in the archive
  title: string
  anchor: string
  from_anchor?: string
  target?: string        // as written
  words: string
}
export interface Passage {
  record: string
  version: number
  anchor: string
  title: string
  label: string
  valid_from?: Known<string>
  valid_to?: Known<string>
  score: number
  context: string
  text: string
  snippet: string
  matches: [number, number][]
}
export interface Proposal {
  id: string
  record: string
  title: string
  from: string
  to: string
  reason: string
  person: string
  created: string
}

export interface Citation {
  n: number
  record: string
  version: number
  anchor: string
  title: string
  text: string
  label: string
  valid_from?: Known<string>
  valid_to?: Known<string>
  span?: Known<[number, number]>
}
export interface Sentence { text: string; cites: number[]; supported: boolean; by_meaning?: boolean }
export interface Conflict { newer: number; newer_says: string; older: number; older_says: string }
export interface Answer {
  id: number | string
  answerable: boolean
  confidence: number
  answer: string
  kind: string
  written: boolean
  why?: string       // why it was not written although there is a model
  question?: string  // a follow-up as it was understood
  model?: Known<string>
  sentences?: Sentence[]
  citations: Citation[]
  closest?: Citation[]
  conflicts: Conflict[]
  notes: string[]
  searched: { record: string; title: string }[]
  ms: { search: number; total: number }
  ai_notice: string
}

export interface Job {
  id: string
  kind: string
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled'
  done: number
  total: number
  message: string
  failed: { path: string; reason: string }[]
  records: string[]
  person: string
  created: string
}
export interface Gold {
  id: string
  question: string
  answer: string
  record: string
  title?: string
  anchor?: string
  as_of?: Known<string>
  person?: string
  created?: string
  origin?: 'proposed'  // a model proposed it and a person confirmed it
}
export interface ProposedQuestion {
  id: string
  question: string
  answer: string
  passage: string
  quote: string      // of the passage: what says the answer
  record: string
  title: string
  version: number
  anchor: string
  label: string
  rank: number
  model: string
  created: string
  state: 'pending' | 'confirmed' | 'rejected' | 'withdrawn'
}
// `record`: where the answer came from; `expected_record`: where the gold question says it stands.
export interface Failure { question: string; expected: string; got: string; record: string | null; expected_record?: string }
export interface Evaluation {
  id: string
  created: string
  clearance: string
  questions: number
  answer_rate: number
  model?: Known<string>
  figures?: { [name: string]: unknown }
  failures?: Failure[]
}
export interface Model {
  name: string
  architecture: string
  parameters: number
  type: string
  bytes: number
  context: number
  serving: boolean
  error?: string  // why it cannot be used
}
export interface ReleaseFigure { figure: string; before: number; after: number; change_95: [number, number]; better: number; worse: number; questions: number; p: number }
// Figures are in percent; null for who does not see all that they were measured on.
export interface ReleaseEntry {
  id: string
  status: 'current' | 'former' | 'evaluated' | 'proposed'
  sound: boolean
  problem: string | null
  label: string | null
  person: string | null
  made: string | null
  note: string
  program: string | null
  measured: boolean
  answer_rate: number | null
  answer_rate_95: [number, number] | null
  questions: number | null
}
export interface Release extends ReleaseEntry {
  sha256: string | null
  model: string | null
  threshold: number
  artefacts: { role: 'generator' | 'adapter' | 'retriever' | 'encoder'; name: string; sha256: string; bytes: number; label: string; label_reason: string }[]
  figures: { [name: string]: number } | null
  against: { id: string; changed: { setting: string; before: string; after: string }[]; comparison: { verdict: string; questions: number; figures: ReleaseFigure[] } | null } | null
  refusals: { bound: string; figure: number; limit: number; forceable: boolean; why: string }[] | null
  wish: { person: string; reason: string; made: string } | null
}
export type TrainingState = 'running' | 'interrupted' | 'finished' | 'failed'
// `loss` is the mean of the steps since the point before.
export interface LossPoint { step: number; loss: number; rate: number; tokens_per_s: number; seconds: number; joules: number }
export interface TrainingRun {
  id: string
  kind: 'tune' | 'dpo' | 'pretrain' | 'retriever'
  base: string | null
  data: string
  out: string
  label: string | null
  started: string
  ended: string | null
  state: TrainingState
  step: number
  steps: number
  loss: number | null
  tokens_per_s: number | null
  seconds: number
  seconds_left: number | null
  joules: number
  energy: 'measured' | 'estimated'
  ranks: number
  error: string | null
  curve?: LossPoint[]  // of one run alone
}
export interface AuditEntry {
  id: number
  time: string
  kind: string
  person: string
  how: string
  subject: string
  details: unknown
  hash: string
}
export interface Verification { ok: boolean; entries: number; first_bad: number | null; reason?: string }
export interface System {
  version: string
  home: string
  disk: { used: number | null; free: number | null }
  records: number
  versions: number
  index: { passages: number; bytes: number }
  queue: { waiting: number; running: number }
  throughput: { requests_per_min: number; search_p50_ms: number; search_p99_ms: number; tokens_per_s: number }
  failures: { path: string; reason: string }[]
  uptime_s: number
  model: string | null
  levels: Level[]
  groups: string[]
}
