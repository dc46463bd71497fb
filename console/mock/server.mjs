// Answers as docs/API.md says, from the example organisation's records (data.json), for building and testing the console
// without the program: node mock/server.mjs [PORT]. Everything is kept in memory and forgotten at the end.
// People: admin, curator, member; the password of each is "mock-password". The first administrator: /#/first/SECRET.
import { createServer } from 'node:http'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { evaluations, gold, home, keys, people, proposals, questions, auditEntries, models, releases, system, trainings } from './world.mjs'
import { answerFor, blocksHtml, findRecord, passage, records, search, visible } from './records.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, '../dist')
const examples = join(here, '../../examples')
const password = 'mock-password'
const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json',
  pdf: 'application/pdf', png: 'image/png', jpeg: 'image/jpeg', text: 'text/plain; charset=utf-8',
}

class Refusal extends Error {
  constructor(status, code, message) {
    super(message)
    Object.assign(this, { status, code })
  }
}
const refuse = (status, code, message) => {
  throw new Refusal(status, code, message)
}
const missing = (what) => refuse(404, 'not_found', `그런 ${what}이(가) 없습니다.`)

let first = true
let next = 1000
const sessions = new Map()
// By which providers one can sign in; the tests set it.
export const ways = { oidc: null, ldap: null }
export const trained = { runs: trainings }
export const released = { list: releases }
const jobs = new Map()
const may = {
  member: ['ask', 'search', 'read'], curator: ['ask', 'search', 'read', 'add', 'label', 'evaluate'], auditor: ['search', 'read', 'audit'],
  administrator: ['ask', 'search', 'read', 'add', 'label', 'evaluate', 'models', 'people', 'audit', 'system'], service: ['ask', 'search'],
}
const shown = (person) => ({ ...person, may: may[person.role] })
const levels = [{ name: 'O', title: '공개' }, { name: 'S', title: '민감' }, { name: 'C', title: '기밀' }]

function note(kind, person, subject, details = {}) {
  const id = auditEntries.length + 1
  auditEntries.push({ id, time: new Date().toISOString(), kind, person, how: 'session', subject, details, hash: home.hash(id) })
  return id
}
function openSession(person, response) {
  const token = home.hash(++next)
  const csrf = home.hash(++next).slice(0, 24)
  sessions.set(token, { person: person.name, csrf })
  person.last_sign_in = new Date().toISOString()
  response.setHeader('Set-Cookie', `sillok=${token}; HttpOnly; SameSite=Strict; Path=/`)
  note('sign-in', person.name, '')
  return { person: shown(person), csrf, expires: new Date(Date.now() + 8 * 3600e3).toISOString(), levels, groups: ['계약', '기술'], model: system.model, version: system.version }
}
// A job that takes `total` steps of 60 ms each.
function startJob(kind, person, total, finish) {
  const job = { id: `j${++next}`, kind, state: 'running', done: 0, total, message: '', failed: [], records: [], person, created: new Date().toISOString() }
  jobs.set(job.id, job)
  const timer = setInterval(() => {
    if (job.state !== 'running' || ++job.done >= total) {
      clearInterval(timer)
      if (job.state === 'running') finish(job), (job.state = 'done')
    }
  }, 60)
  return job.id
}

async function body(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts)
}
async function input(request) {
  const text = (await body(request)).toString()
  return text ? JSON.parse(text) : {}
}

async function stream(request, response, answer) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  const send = (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data, asServer)}\n\n`)
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  await pause(answer.slow ? 400 : 60)
  send('evidence', { citations: answer.citations, searched: answer.searched })
  if (answer.written) {
    for (const piece of answer.answer.match(/.{1,6}/gsu)) {
      if (response.destroyed) return
      send('text', { text: piece })
      await pause(answer.slow ? 250 : 15)
    }
  }
  if (answer.breaks) send('error', { error: { code: 'internal', message: '모델이 답을 쓰다가 멈췄습니다. 다시 물어 주십시오.' } })
  else send('answer', answer)
  response.end()
}

// The handlers: [method, path pattern, scope or "", function]. The result is sent as JSON; undefined as 204.
const routes = [
  ['GET', /^\/api\/records$/, 'read', ({ me, query }) => {
    const q = (query.get('q') ?? '').toLowerCase()
    const all = visible(me).filter((r) => (!q || `${r.title} ${r.record}`.toLowerCase().includes(q)) && (!query.get('label') || r.label.startsWith(query.get('label'))) && (!query.get('format') || r.format === query.get('format')))
    const from = query.get('after') ? all.findIndex((r) => r.record > query.get('after')) : 0
    const limit = Math.min(Number(query.get('limit') ?? 50), 12)
    const page = from < 0 ? [] : all.slice(from, from + limit)
    return { records: page.map((r) => ({ ...r, versions: r.versions.length, links: undefined })), next: from + limit < all.length ? page[page.length - 1].record : null, total: all.length }
  }],
  ['GET', /^\/api\/records\/([^/]+)$/, 'read', ({ me, path }) => {
    const record = findRecord(me, path[1]) ?? missing('기록')
    const { links: _, ...rest } = record
    const versions = record.versions.map(({ blocks: _b, source: _s, ...v }) => v)
    note('open', me.name, record.record)
    return { ...rest, versions, ...(may[me.role].includes('label') && { personal: home.personal(record) }) }
  }],
  ['GET', /^\/api\/records\/([^/]+)\/blocks$/, 'read', ({ me, path, query }) => ({ blocks: version(me, path[1], query).blocks })],
  ['GET', /^\/api\/records\/([^/]+)\/links$/, 'read', ({ me, path }) => ({ links: (findRecord(me, path[1]) ?? missing('기록')).links.filter((l) => findRecord(me, l.record) || !records.some((r) => r.record === l.record)) })],
  ['GET', /^\/api\/records\/([^/]+)\/html$/, 'read', ({ me, path, query, response }) => {
    const html = blocksHtml(version(me, path[1], query))
    response.writeHead(200, { 'Content-Type': types['.html'], 'Content-Security-Policy': "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'" })
    response.end(html)
    return response
  }],
  ['GET', /^\/api\/records\/([^/]+)\/original$/, 'read', ({ me, path, query, response }) => {
    const v = version(me, path[1], query)
    response.writeHead(200, { 'Content-Type': types[v.format] ?? 'application/octet-stream', 'Content-Disposition': 'attachment' })
    response.end(readFileSync(join(examples, v.source)))
    return response
  }],
  ['POST', /^\/api\/records$/, 'add', async ({ me, request, response }) => {
    const bytes = await body(request)
    const names = [...bytes.toString('latin1').matchAll(/name="file"; filename="([^"]*)"/g)].map((m) => Buffer.from(m[1], 'latin1').toString())
    if (names.length === 0) refuse(400, 'invalid', '보낸 것에 파일이 없습니다.')
    response.statusCode = 202
    return { job: startJob('add', me.name, names.length * 4, (job) => {
      job.failed = names.filter((n) => /\.(exe|dwg)$/.test(n)).map((n) => ({ path: n, reason: `${n}: 읽을 수 있는 형식이 아닙니다. PDF로 바꾸어 다시 올리십시오.` }))
      job.records = names.filter((n) => !/\.(exe|dwg)$/.test(n))
    }) }
  }],
  ['POST', /^\/api\/records\/([^/]+)\/label$/, 'label', async ({ me, path, request, response }) => {
    const record = findRecord(me, path[1]) ?? missing('기록')
    const { label, reason } = await input(request)
    if (!reason) refuse(400, 'invalid', '사유를 적으십시오.')
    if ('OSC'.indexOf(label[0]) < 'OSC'.indexOf(record.label[0])) {
      const proposal = { id: `p${++next}`, record: record.record, title: record.title, from: record.label, to: label, reason, person: me.name, created: new Date().toISOString() }
      proposals.push(proposal)
      response.statusCode = 202
      return { proposal: proposal.id }
    }
    record.label = label
    for (const v of record.versions) v.label = label
    note('label', me.name, record.record, { label, reason })
    return {}
  }],
  ['DELETE', /^\/api\/records\/([^/]+)$/, 'label', ({ me, path }) => {
    const record = findRecord(me, path[1]) ?? missing('기록')
    records.splice(records.indexOf(record), 1)
    note('erase', me.name, record.record)
  }],
  ['GET', /^\/api\/proposals$/, 'label', () => ({ proposals })],
  ['POST', /^\/api\/proposals\/(.+)$/, 'label', async ({ me, path, request }) => {
    const at = proposals.findIndex((p) => p.id === path[1])
    if (at < 0) missing('제안')
    if (proposals[at].person === me.name) refuse(403, 'denied', '제안한 사람은 확인할 수 없습니다. 다른 사람이 확인해야 합니다.')
    const [proposal] = proposals.splice(at, 1)
    if ((await input(request)).confirm) findRecord(me, proposal.record).label = proposal.to
    return {}
  }],
  ['GET', /^\/api\/search$/, 'search', ({ me, query }) => ({ query: query.get('q'), results: search(me, query.get('q') ?? '').map(passage), notes: [], ms: 3 })],
  ['POST', /^\/api\/ask$/, 'ask', async ({ me, request, response }) => {
    const { question, as_of, stream: streamed, conversation } = await input(request)
    if (!question) refuse(400, 'invalid', '질문이 비어 있습니다.')
    const answer = answerFor(me, question, as_of, conversation, system.model)
    answer.id = note('ask', me.name, '', { question, as_of: as_of ?? null, model: answer.model ?? null, evidence: answer.citations.map((c) => `${c.record}@${c.version}`) })
    if (!streamed) return answer
    await stream(request, response, answer)
    return response
  }],
  ['GET', /^\/api\/jobs$/, '', () => ({ jobs: [...jobs.values()].reverse() })],
  ['GET', /^\/api\/jobs\/(.+)$/, '', ({ path }) => jobs.get(path[1]) ?? missing('작업')],
  ['DELETE', /^\/api\/jobs\/(.+)$/, '', ({ path }) => { (jobs.get(path[1]) ?? missing('작업')).state = 'cancelled' }],
  ['GET', /^\/api\/gold\/proposals$/, 'evaluate', ({ me, query }) => {
    const state = query.get('state') || 'pending'
    const all = questions.filter((q) => q.state === state && findRecord(me, q.record))
    const from = query.get('after') ? all.findIndex((q) => q.created > questions.find((p) => p.id === query.get('after')).created) : 0
    const page = from < 0 ? [] : all.slice(from, from + 2)
    return { questions: page, total: all.length, ...(from >= 0 && from + 2 < all.length && { next: page[1].id }) }
  }],
  ['POST', /^\/api\/gold\/proposals\/(.+)$/, 'evaluate', async ({ me, path, request }) => {
    const item = questions.find((q) => q.id === path[1] && findRecord(me, q.record)) ?? missing('제안')
    const { confirm, use, question, answer } = await input(request)
    if (item.state !== 'pending') refuse(409, 'conflict', '이미 정해졌습니다.')
    if (answer && !item.passage.includes(answer)) refuse(400, 'not_said', 'the passage does not say this answer; use its words, or reject the question')
    Object.assign(item, { state: confirm ? 'confirmed' : 'rejected', question: question ?? item.question, answer: answer ?? item.answer, person: me.name, decided: new Date().toISOString(), edited: Boolean(question || answer) })
    if (confirm) item.use = use ?? 'teaching'
    if (item.use === 'measuring') gold.unshift({ id: `p${item.id}`, question: item.question, answer: item.answer, record: item.record, title: item.title, anchor: item.anchor, person: me.name, created: item.decided, origin: 'proposed' })
    return item
  }],
  ['GET', /^\/api\/gold$/, 'evaluate', () => ({ gold })],
  ['POST', /^\/api\/gold$/, 'evaluate', async ({ me, request }) => {
    const item = { id: `g${++next}`, created: new Date().toISOString(), person: me.name, ...(await input(request)) }
    if (!findRecord(me, item.record)) refuse(404, 'not_found', `그런 기록이 없습니다: ${item.record}`)
    gold.unshift({ ...item, title: findRecord(me, item.record).title })
    return item
  }],
  ['DELETE', /^\/api\/gold\/(.+)$/, 'evaluate', ({ path }) => { gold.splice(gold.findIndex((g) => g.id === path[1]), 1) }],
  ['GET', /^\/api\/evaluations$/, 'evaluate', ({ me }) => ({ evaluations: evaluations.map(({ failures: _, ...e }) => ({ clearance: me.label, ...e })) })],
  ['GET', /^\/api\/evaluations\/(.+)$/, 'evaluate', ({ me, path }) => { const found = evaluations.find((e) => e.id === path[1]); return found ? { clearance: me.label, ...found } : missing('측정') }],
  ['POST', /^\/api\/evaluations$/, 'evaluate', ({ me, response }) => {
    response.statusCode = 202
    return { job: startJob('evaluate', me.name, 20, () => evaluations.push({ ...evaluations[evaluations.length - 1], id: `e${++next}`, created: new Date().toISOString() })) }
  }],
  ['GET', /^\/api\/models$/, 'models', () => ({ models })],
  ['GET', /^\/api\/releases$/, 'models', () => ({
    current: released.list.find((r) => r.status === 'current')?.id ?? null,
    releases: released.list.map(({ sha256: _s, model: _m, threshold: _t, artefacts: _a, figures: _f, against: _g, refusals: _r, wish: _w, ...entry }) => entry),
  })],
  ['GET', /^\/api\/releases\/(.+)$/, 'models', ({ path }) => released.list.find((r) => r.id === path[1]) ?? missing('릴리스')],
  ['GET', /^\/api\/training$/, 'models', () => ({ runs: trained.runs().map(({ curve: _, ...run }) => run) })],
  ['GET', /^\/api\/training\/(.+)$/, 'models', ({ path }) => trained.runs().find((r) => r.id === path[1]) ?? missing('학습')],
  ['GET', /^\/api\/people$/, 'people', () => ({ people: people.map(shown) })],
  ['POST', /^\/api\/people$/, 'people', async ({ me, request }) => {
    const { password: given, ...person } = await input(request)
    if (people.some((p) => p.name === person.name)) refuse(409, 'conflict', `${person.name}은(는) 이미 있는 이름입니다.`)
    if (given && given.length < 10) refuse(400, 'invalid', '비밀번호가 짧습니다. 10자 이상으로 하십시오.')
    people.push({ disabled: false, created: new Date().toISOString(), last_sign_in: null, ...person })
    note('person', me.name, person.name, { role: person.role, label: person.label })
    return shown(people[people.length - 1])
  }],
  ['PATCH', /^\/api\/people\/(.+)$/, 'people', async ({ me, path, request }) => {
    const person = people.find((p) => p.name === path[1]) ?? missing('사람')
    const { password: _, ...changes } = await input(request)
    note('person', me.name, person.name, changes)
    return shown(Object.assign(person, changes))
  }],
  ['DELETE', /^\/api\/people\/(.+)$/, 'people', ({ path }) => { (people.find((p) => p.name === path[1]) ?? missing('사람')).disabled = true }],
  ['POST', /^\/api\/password$/, '', async ({ request }) => {
    const change = await input(request)
    if (change.password !== password) refuse(403, 'denied', '현재 비밀번호가 맞지 않습니다.')
  }],
  ['GET', /^\/api\/keys$/, 'people', () => ({ keys })],
  ['POST', /^\/api\/keys$/, 'people', async ({ me, request }) => {
    const { person, scopes, expires_days } = await input(request)
    if (!people.some((p) => p.name === person)) missing('사람')
    const key = { id: `k${++next}`, person, scopes, created: new Date().toISOString(), expires: expires_days ? new Date(Date.now() + expires_days * 86400e3).toISOString() : null, last_used: null, revoked: false }
    keys.unshift(key)
    note('key', me.name, key.id, { person, scopes })
    return { key, secret: `slk_${key.id}_${home.hash(next).slice(0, 40)}` }
  }],
  ['DELETE', /^\/api\/keys\/(.+)$/, 'people', ({ path }) => { (keys.find((k) => k.id === path[1]) ?? missing('열쇠')).revoked = true }],
  ['GET', /^\/api\/audit$/, 'audit', ({ query }) => {
    const found = auditEntries.filter((e) => (!query.get('kind') || e.kind === query.get('kind')) && (!query.get('person') || e.person === query.get('person')) && (!query.get('q') || String(e.id) === query.get('q') || `${e.subject} ${JSON.stringify(e.details)}`.includes(query.get('q')))
      && (!query.get('from') || e.time >= query.get('from')) && (!query.get('to') || e.time < query.get('to')) && (!query.get('before') || e.id < Number(query.get('before')))).reverse()
    const entries = found.slice(0, 40)
    return { entries, next: found.length > 40 ? entries[entries.length - 1].id : null }
  }],
  ['GET', /^\/api\/audit\/export$/, 'audit', ({ response }) => { response.writeHead(200, { 'Content-Type': 'application/x-ndjson' }); response.end(auditEntries.map((e) => JSON.stringify(e)).join('\n')); return response }],
  ['POST', /^\/api\/audit\/verify$/, 'audit', () => ({ ok: true, entries: auditEntries.length, first_bad: null, reason: '' })],
  ['GET', /^\/api\/system$/, 'system', () => ({ ...system, levels, groups: ['계약', '기술'], throughput: { ...system.throughput, requests_per_min: 40 + Math.round(20 * Math.sin(Date.now() / 9000)) } })],
]
function version(me, id, query) {
  const record = findRecord(me, id) ?? missing('기록')
  const number = Number(query.get('version') ?? record.version)
  return record.versions.find((v) => v.number === number) ?? missing('판')
}

async function api(request, response, url) {
  const me = people.find((p) => p.name === sessions.get(/sillok=(\w+)/.exec(request.headers.cookie ?? '')?.[1])?.person)
  const session = sessions.get(/sillok=(\w+)/.exec(request.headers.cookie ?? '')?.[1])
  if (url.pathname === '/api/first' && request.method === 'GET') return { open: first }
  if (url.pathname === '/api/first') {
    const given = await input(request)
    if (!first || given.secret !== 'SECRET') refuse(403, 'denied', '이 주소는 쓸 수 없습니다. 서버가 처음 켜질 때 알려 준 주소를 그대로 여십시오.')
    first = false
    people.push({ name: given.name, title: '', role: 'administrator', label: 'C', disabled: false, created: new Date().toISOString(), last_sign_in: null })
    return openSession(people[people.length - 1], response)
  }
  if (url.pathname === '/api/session' && request.method === 'POST') {
    const given = await input(request)
    const person = people.find((p) => p.name === given.name && !p.disabled)
    if (!person || given.password !== password) refuse(401, 'wrong_password', 'name or password is not right')
    return openSession(person, response)
  }
  if (url.pathname === '/api/sign-in') return ways
  if (!me) refuse(401, 'denied', '로그인하지 않았습니다.')
  if (request.method !== 'GET' && request.headers['x-csrf-token'] !== session.csrf) refuse(403, 'csrf', '요청의 표식이 맞지 않습니다. 화면을 새로 여십시오.')
  if (url.pathname === '/api/session') {
    if (request.method === 'DELETE') return void sessions.clear()
    return { person: shown(me), csrf: session.csrf, expires: new Date(Date.now() + 3600e3).toISOString(), levels, groups: ['계약', '기술'], model: system.model, version: system.version }
  }
  for (const [method, pattern, scope, handle] of routes) {
    const match = pattern.exec(url.pathname)
    if (!match || method !== request.method) continue
    if (scope && !may[me.role].includes(scope)) refuse(403, 'denied', '이 일을 할 권한이 없습니다.')
    return handle({ me, path: match.map((part) => decodeURIComponent(part)), query: url.searchParams, request, response })
  }
  return missing('것')
}

function file(request, response, url) {
  const path = join(dist, normalize(decodeURIComponent(url.pathname === '/' ? '/index.html' : url.pathname)))
  if (!path.startsWith(dist) || !existsSync(path)) {
    response.writeHead(404).end()
    return
  }
  const packed = existsSync(`${path}.gz`) && /gzip/.test(request.headers['accept-encoding'] ?? '')
  response.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream', 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff', ...(packed && { 'Content-Encoding': 'gzip' }) })
  response.end(readFileSync(packed ? `${path}.gz` : path))
}

// As the server writes: what is not known of a day is absent, times have no fractions.
function asServer(name, value) {
  if (value === null && ['valid_from', 'valid_to', 'as_of'].includes(name)) return undefined
  return typeof value === 'string' ? value.replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{3}Z$/, '$1Z') : value
}

export function start(port) {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost')
    try {
      if (!url.pathname.startsWith('/api/')) return file(request, response, url)
      const reply = await api(request, response, url)
      if (reply === response) return
      if (reply === undefined) response.writeHead(204).end()
      else response.setHeader('Content-Type', 'application/json'), response.end(JSON.stringify(reply, asServer))
    } catch (error) {
      if (response.headersSent) return response.destroy()
      const status = error instanceof Refusal ? error.status : 500
      response.writeHead(status, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify({ error: { code: error.code ?? 'internal', message: error.message } }))
    }
  })
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)))
}
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv[2] ?? 8401)
  await start(port)
  console.log(`http://127.0.0.1:${port}/  (admin, curator or member; ${password})`)
}
