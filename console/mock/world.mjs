// Everything of the mock that is not a record: people, keys, gold questions, runs, the audit, the machine. Invented.
import { createHash } from 'node:crypto'

const day = (d, time = '09:00:00') => `${d}T${time}Z`
export const home = {
  hash: (seed) => createHash('sha256').update(`mock ${seed}`).digest('hex'),
  // What a curator would be shown for two of the records.
  personal(record) {
    if (record.record.startsWith('메일/')) return [{ kind: 'phone', anchor: 'message body', block: 3, masked: '010-****-7731' }, { kind: 'email', anchor: 'message body', block: 4, masked: 'm***@hangaram.example' }]
    if (record.record.includes('NCR-2025-012')) return [{ kind: 'resident_number', anchor: '3. 조사', block: 6, masked: '820314-1******' }]
    return []
  },
}
const person = (name, title, role, label, last) => ({ name, title, role, label, disabled: false, created: day('2026-03-02'), last_sign_in: last })
export const people = [
  person('admin', '진소영', 'administrator', 'C:계약,기술', day('2026-11-24', '00:12:09')),
  person('curator', '오세린', 'curator', 'S:기술', day('2026-11-23', '23:40:51')),
  person('member', '서민아', 'member', 'O', day('2026-11-20', '05:03:30')),
  person('auditor', '공미래', 'auditor', 'C', day('2026-11-19', '02:00:00')),
  person('erp', '', 'service', 'S', null),
  { ...person('heo', '허만석', 'member', 'O', day('2026-04-01')), disabled: true },
]
export const keys = [
  { id: 'k3f1', person: 'erp', scopes: ['ask', 'search'], created: day('2026-05-11'), expires: day('2027-05-11'), last_used: day('2026-11-24', '01:00:02'), revoked: false },
  { id: 'k2b7', person: 'admin', scopes: ['read', 'audit'], created: day('2026-03-02'), expires: day('2026-06-01'), last_used: day('2026-05-30'), revoked: false },
  { id: 'k11c', person: 'erp', scopes: ['ask'], created: day('2026-03-02'), expires: null, last_used: null, revoked: true },
]
export const proposals = [
  { id: 'p1', record: '사고/INC-2024-02_지게차_사고보고서.docx', title: '지게차 사고보고서', from: 'S', to: 'O', reason: '조사가 끝나 게시판에 공개하기로 함', person: 'curator', created: day('2026-11-21') },
]
const asked = [
  ['강도 8.8짜리 M16 볼트는 몇 N·m로 조여?', '206', 'WS-118', '볼트 체결 토크 작업표준', 'p. 1 › 1. 체결 토크'],
  ['샤프트 연삭하다가 드레싱은 몇 개마다 해야 돼요?', '20개', 'WS-102', '스핀들 샤프트 원통연삭 작업표준', 'p. 1 › 4. 드레싱'],
  ['MC-05 스핀들 앞 베어링 언제 갈았지?', '2024-08-19', '정비/MC-05_정비이력.xlsx', 'MC-05 정비이력', '정비이력!A7 › 정비이력'],
  ['토크렌치는 몇 개월마다 교정해?', '6개월', 'WS-118', '볼트 체결 토크 작업표준', 'p. 1 › 2. 공구'],
]
export const gold = asked.map(([question, answer, record, title, anchor], i) => ({ id: `g${i + 1}`, question, answer, record, title, anchor, as_of: null, person: 'curator', created: day('2026-09-01') }))
gold.push({ id: 'g9', question: '샤프트 연삭하다가 드레싱은 몇 개마다 해야 돼요?', answer: '30개', record: 'WS-102', title: '스핀들 샤프트 원통연삭 작업표준', as_of: '2022-03-01', person: 'curator', created: day('2026-09-01') })

// What a model proposed and nobody has decided yet; the passages are the examples' own words.
const proposed = (i, record, title, version, anchor, passage, quote, question, answer) => ({ id: `q${i}`, question, answer, passage, quote, record, title, version, anchor, label: 'O', rank: i, model: 'sillok-ko-1.2b-q4_k_m sha256:5f0a', created: day('2026-11-24', `02:00:0${i}`), state: 'pending' })
export const questions = [
  proposed(1, 'WS-118', '볼트 체결 토크 작업표준', 3, 'p. 1 › 2. 공구', '2. 공구\n2.1 토크렌치는 6개월마다 교정한다(NCR-2025-012 시정조치).\n2.2 교정표가 없거나 기한이 지난 렌치는 쓰지 않는다.', '2.1 토크렌치는 6개월마다 교정한다(NCR-2025-012 시정조치).', '볼트 체결에 쓰는 토크렌치의 교정 주기는 얼마입니까?', '6개월마다'),
  proposed(2, '정비/MC-05_정비이력.xlsx', 'MC-05 정비이력', 1, '정비이력!A7 › 정비이력', '일자: 2024-08-19 | 누적 가동시간(h): 26,470 | 내용: 스핀들 앞 베어링 교환, 제조사 입회', '일자: 2024-08-19 | 누적 가동시간(h): 26,470 | 내용: 스핀들 앞 베어링 교환, 제조사 입회', 'MC-05의 스핀들 앞 베어링을 교환한 날짜는 언제입니까?', '2024-08-19'),
  proposed(3, 'WS-102', '스핀들 샤프트 원통연삭 작업표준', 2, 'p. 1 › 4. 드레싱', '4. 드레싱\n4.1 숫돌은 20개를 갈 때마다 드레싱한다.\n4.2 드레싱한 뒤 첫 가공품은 치수를 전수 검사한다.', '4.1 숫돌은 20개를 갈 때마다 드레싱한다.', '스핀들 샤프트를 연삭할 때 숫돌은 몇 개마다 드레싱합니까?', '20개를 갈 때마다'),
]

const failing = [
  { question: '토크렌치는 몇 개월마다 교정해?', expected: '6개월', got: '12개월', record: 'WS-118' },
  { question: '구매규정에서 수의계약은 얼마까지 돼?', expected: '2천만원', got: '', record: 'BR-01' },
  { question: '구매규정에서 입찰보증금은 계약금액의 몇 퍼센트야?', expected: '', got: '100분의 5', record: '' },
]
const run = (i, created, rate, failures) => ({ id: `e${i}`, created, questions: 80, answer_rate: 100 * rate, model: 'sillok-ko-1.2b', figures: { recall_at_1: 100 * rate - 2, recall_at_5: Math.min(99, 100 * rate + 6), abstention_recall: 92 }, failures })
export const evaluations = [
  { ...run(0, day('2026-05-20'), 0.8125, failing.slice(1)), questions: 48, clearance: 'O' }, // by somebody who sees less; the others are the asker's own
  run(1, day('2026-06-02'), 0.7875, failing), run(2, day('2026-07-01'), 0.825, failing), run(3, day('2026-08-03'), 0.85, failing.slice(1)), run(4, day('2026-09-02'), 0.8375, failing),
  run(5, day('2026-10-01'), 0.875, failing.slice(1)), run(6, day('2026-10-20'), 0.9, failing.slice(2)), run(7, day('2026-11-23'), 0.8875, failing.slice(0, 2)),
]
export const models = [
  { name: 'sillok-ko-1.2b-q4_k_m', architecture: 'qwen3', parameters: 1.2e9, type: 'Q4_K_M', bytes: 812e6, context: 32768, serving: true },
  { name: 'retriever-ko-110m', architecture: 'bert', parameters: 1.1e8, type: 'F16', bytes: 221e6, context: 512, serving: false },
]
const sha = (n) => home.hash(n).padEnd(64, '0').slice(0, 64)
const base = { role: 'generator', name: 'sillok-ko-1.2b-q4_k_m.gguf', sha256: sha(31), bytes: 812e6, label: 'O', label_reason: 'a foundation model' }
const retriever = { role: 'retriever', name: 'retriever.sillok', sha256: sha(32), bytes: 41e6, label: 'S', label_reason: 'of the records it was trained on' }
const moved = (figure, before, after, better, worse, p) => ({ figure, before, after, change_95: [after - before - 2.1, after - before + 2.1], better, worse, questions: 200, p })
const release = (id, status, made, rate, more = {}) => ({
  id, status, sound: true, problem: null, label: 'S', person: 'admin', made, note: '', program: '0.1.0', measured: rate !== null, answer_rate: rate, answer_rate_95: rate === null ? null : [rate - 3.8, rate + 3.2], questions: rate === null ? null : 200,
  sha256: sha(Number(id.slice(1, 5))), model: 'sillok-ko-1.2b-q4_k_m', threshold: 0.35, artefacts: [base, retriever, { role: 'encoder', name: 'multilingual-e5-small.gguf', sha256: sha(77), bytes: 118e6, label: 'O', label_reason: 'a foundation model' }],
  figures: rate === null ? null : { answer_rate: rate, answer_rate_1: rate - 6, abstention_recall: 92, citation_support: 96.5, recall_at_1: rate - 2, recall_at_5: 98 }, against: null, refusals: null, wish: null, ...more,
})
export const releases = [
  release('r0004-7b20e1aa', 'proposed', day('2026-11-24'), null, { note: '새 어댑터', artefacts: [base, { role: 'adapter', name: 'adapter.gguf', sha256: sha(33), bytes: 22e6, label: 'S', label_reason: 'written in adapter.gguf.label' }, retriever],
    against: { id: 'r0002-5c11d0f4', changed: [{ setting: 'artefacts.adapter', before: '', after: `adapter.gguf ${sha(33)}` }], comparison: null },
    refusals: [{ bound: 'report', figure: 0, limit: 0, forceable: false, why: 'release r0004-7b20e1aa has no report; run `sillok release evaluate r0004-7b20e1aa --gold FILE`' }] }),
  release('r0003-91d3c7e2', 'evaluated', day('2026-11-20'), 84.5, { note: '문턱값 올림', threshold: 0.6,
    against: { id: 'r0002-5c11d0f4', changed: [{ setting: 'threshold', before: '0.35', after: '0.6' }], comparison: { verdict: 'worse', questions: 200, figures: [moved('answer_rate', 90, 84.5, 1, 12, 0.003), moved('abstention_recall', 92, 95, 2, 0, 0.5), moved('citation_support', 96.5, 96.5, 0, 0, 1)] } },
    refusals: [{ bound: 'answer_rate', figure: -7.6, limit: -1, forceable: true, why: 'answer_rate falls from 90.00 to 84.50 on 200 questions (12 worse, 1 better, McNemar p 0.0034, 95 % interval of the change -7.60 to -3.40); the limit is a fall of 1.00 that the interval excludes' }],
    wish: { person: 'curator', reason: '감사 기간에는 덜 답하기로 함', made: day('2026-11-21') } }),
  release('r0002-5c11d0f4', 'current', day('2026-10-20'), 90, { note: '검색기 다시 학습',
    against: { id: 'r0001-0e4a9d17', changed: [{ setting: 'artefacts.retriever', before: '', after: `retriever.sillok ${sha(32)}` }], comparison: { verdict: 'better', questions: 200, figures: [moved('answer_rate', 85.5, 90, 10, 1, 0.01), moved('citation_support', 96, 96.5, 1, 0, 1)] } } }),
  release('r0001-0e4a9d17', 'former', day('2026-09-01'), 85.5, { sound: false, problem: '/srv/sillok/releases/r0001-0e4a9d17/report.json is not signed by this home\'s key: it was changed, or comes from another home', artefacts: [base], label: 'O', answer_rate: null, answer_rate_95: null, questions: null, measured: false, figures: null,
    refusals: [{ bound: 'report', figure: 0, limit: 0, forceable: false, why: 'report.json is not signed by this home\'s key: it was changed, or comes from another home' }] }),
]
// A run that goes on, a step a second, for the eight minutes that all tests take at most; and what came before it.
const curve = (steps, from, to) => Array.from({ length: Math.min(steps, 500) }, (_, i) => {
  const step = Math.round(((i + 1) * steps) / Math.min(steps, 500))
  const noise = Math.sin(step * 12.9898) * 0.12 + Math.sin(step * 3.7) * 0.08
  return { step, loss: Math.max(0.02, to + (from - to) * Math.exp((-4 * step) / steps) + noise), rate: 2e-4 * (1 - step / steps), tokens_per_s: 1480 + 30 * Math.sin(step), seconds: step * 1.1, joules: step * 61 }
})
const training = (id, kind, base, data, started, state, steps, done, from, to, more = {}) => {
  const all = curve(steps, from, to).filter((p) => p.step <= done)
  const last = all[all.length - 1]
  return {
    id, kind, base, data: `/srv/train/${data}`, out: `/srv/train/out/${id}`, label: 'S', started, ended: ['finished', 'failed'].includes(state) ? day('2026-11-20') : null, state, step: last?.step ?? 0, steps,
    loss: last?.loss ?? null, tokens_per_s: last?.tokens_per_s ?? null, seconds: last?.seconds ?? 0, seconds_left: state === 'running' ? (steps - done) * 1.1 : null, joules: last?.joules ?? 0,
    energy: 'estimated', ranks: 1, error: null, ...more, curve: all,
  }
}
const begun = Date.now()
export const trainings = () => [
  training('t20261124-231000-7c1e', 'tune', 'sillok-ko-1.2b-q4_k_m.gguf', 'lessons/train.jsonl', day('2026-11-24', '23:10:00'), 'running', 1200, Math.min(1199, 700 + Math.floor((Date.now() - begun) / 1000)), 2.9, 0.9),
  training('t20261119-010500-12ab', 'dpo', 'sillok-ko-1.2b-q4_k_m.gguf', 'preferences.jsonl', day('2026-11-19'), 'interrupted', 300, 140, 0.69, 0.3, { label: null }),
  training('t20261117-020000-9f00', 'tune', 'sillok-ko-1.2b-q4_k_m.gguf', 'lessons/train.jsonl', day('2026-11-17'), 'failed', 1200, 33, 2.9, 2.2, { error: 'the loss of step 34 is no finite number; take a lower --lr' }),
  training('t20261110-040000-5b3d', 'retriever', null, 'home', day('2026-11-10'), 'interrupted', 61400, 20992, 3.1, 1.4, { seconds: 74, joules: 9100, tokens_per_s: 412000 }),
  training('t20261102-030000-44d2', 'pretrain', null, 'corpus/train.jsonl', day('2026-11-02'), 'finished', 20000, 20000, 9.1, 3.2, { energy: 'measured', ranks: 4 }),
]
export const system = {
  version: '0.1.0', home: '/srv/sillok', disk: { used: 182e9, free: 731e9 }, records: 9214, versions: 12877, index: { passages: 186402, bytes: 1.31e9 },
  queue: { waiting: 3, running: 1 }, throughput: { requests_per_min: 52, search_p50_ms: 4.1, search_p99_ms: 22.7, tokens_per_s: 18.4 },
  failures: [{ path: '도면/2019/BYG-5502.dwg', reason: '읽을 수 있는 형식이 아닙니다(AutoCAD 도면). PDF로 내보내어 등록하십시오.' }, { path: '스캔/1997_계약서.pdf', reason: '암호로 잠긴 PDF입니다. 암호를 푼 파일을 등록하십시오.' }],
  uptime_s: 1_223_541, model: 'sillok-ko-1.2b-q4_k_m',
}
export const auditEntries = []
const happened = [
  ['serve', '', '', { version: '0.1.0' }], ['sign-in', 'admin', '', {}], ['person', 'admin', 'curator', { role: 'curator', label: 'S:기술' }], ['sign-in', 'curator', '', {}],
  ['add', 'curator', 'WS-118', { version: 3, label: 'O' }], ['ask', 'member', '', { question: '강도 8.8짜리 M16 볼트는 몇 N·m로 조여?', evidence: ['WS-118@3'], model: 'sillok-ko-1.2b-q4_k_m' }], ['open', 'member', 'WS-118', { version: 3 }],
  ['label', 'curator', '2026_공단_입찰전략.hwpx', { from: 'S', to: 'C', reason: '입찰 전' }], ['key', 'admin', 'k3f1', { person: 'erp', scopes: ['ask', 'search'] }], ['sign-out', 'member', '', {}],
]
for (let i = 0; i < 60; ++i) {
  const [kind, who, subject, details] = happened[i % happened.length]
  auditEntries.push({ id: i + 1, time: new Date(Date.UTC(2026, 10, 10, 0, i * 311)).toISOString(), kind, person: who, how: kind === 'serve' ? 'command line' : 'session', subject, details, hash: home.hash(i + 1) })
}
