// The mock answers as the server's OpenAPI document says (src/server/openapi_schemas.cc): what is built against the mock then
// fits the server, whose own tests check it against the same document.
// @ts-expect-error: no types of Node are installed, the console itself has no use for them
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
// @ts-expect-error: the mock is plain JavaScript
import { start } from '../../mock/server.mjs'

interface Schema {
  $ref?: string; type?: string | string[]; enum?: unknown[]; anyOf?: Schema[]; required?: string[]; properties?: Record<string, Schema>
  items?: Schema; minimum?: number; maximum?: number; minItems?: number; maxItems?: number; pattern?: string
}
const source = readFileSync(new URL('../../../src/server/openapi_schemas.cc', import.meta.url), 'utf8')
const schemas = JSON.parse(/R"json\((.*)\)json"/s.exec(source)![1]!) as Record<string, Schema>

const typeOf = (value: unknown) =>
  value === null ? ['null'] : Array.isArray(value) ? ['array'] : typeof value === 'number' ? (Number.isInteger(value) ? ['integer', 'number'] : ['number']) : [typeof value]

// What is wrong with a value, one line each; the part of JSON Schema that the document uses.
function wrong(value: unknown, schema: Schema, at = ''): string[] {
  if (schema.$ref) return wrong(value, schemas[schema.$ref.replace('#/components/schemas/', '')]!, at)
  if (schema.anyOf) return schema.anyOf.some((s) => wrong(value, s, at).length === 0) ? [] : [`${at}: fits none of its forms`]
  if (schema.enum && !schema.enum.includes(value)) return [`${at}: ${String(value)} is none of ${schema.enum.join(', ')}`]
  if (schema.type && ![schema.type].flat().some((type) => typeOf(value).includes(type))) return [`${at}: ${typeOf(value)[0]} instead of ${[schema.type].flat().join(' or ')}`]
  const out: string[] = []
  if (typeof value === 'number' && (value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity))) out.push(`${at}: ${value} is out of bounds`)
  if (typeof value === 'string' && schema.pattern && !new RegExp(schema.pattern).test(value)) out.push(`${at}: "${value}" does not match ${schema.pattern}`)
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity)) out.push(`${at}: ${value.length} items`)
    if (schema.items) value.forEach((item, i) => out.push(...wrong(item, schema.items!, `${at}[${i}]`)))
  } else if (value !== null && typeof value === 'object') {
    const object = value as Record<string, unknown>
    for (const name of schema.required ?? []) if (!(name in object)) out.push(`${at}: ${name} is missing`)
    for (const [name, of] of Object.entries(schema.properties ?? {})) if (name in object) out.push(...wrong(object[name], of, `${at}.${name}`))
  }
  return out
}

const base = 'http://127.0.0.1:8413'
let server: { close: () => void }
let headers: Record<string, string> = {}
beforeAll(async () => {
  server = (await start(8413)) as { close: () => void }
  const reply = await fetch(`${base}/api/session`, { method: 'POST', body: JSON.stringify({ name: 'admin', password: 'mock-password' }) })
  headers = { Cookie: reply.headers.get('Set-Cookie')!.split(';')[0]!, 'X-CSRF-Token': ((await reply.json()) as { csrf: string }).csrf }
})
afterAll(() => server.close())

const record = encodeURIComponent('WS-118')
it.each([
  ['GET', '/api/first', 'First'], ['GET', '/api/sign-in', 'SignInWays'], ['GET', '/api/session', 'Session'], ['GET', '/api/records', 'RecordList'], ['GET', `/api/records/${record}`, 'RecordDetail'],
  ['GET', `/api/records/${encodeURIComponent('부적합/NCR-2025-012.odt')}`, 'RecordDetail'], ['GET', `/api/records/${record}/blocks?version=2`, 'BlockList'],
  ['GET', `/api/records/${record}/links`, 'LinkList'], ['GET', '/api/search?q=베어링', 'SearchResult'], ['GET', '/api/proposals', 'ProposalList'], ['GET', '/api/jobs', 'JobList'],
  ['GET', '/api/gold', 'GoldList'], ['GET', '/api/gold/proposals', 'QuestionList'], ['GET', '/api/evaluations', 'EvaluationList'], ['GET', '/api/evaluations/e7', 'Evaluation'], ['POST', '/api/evaluations', 'JobStarted'],
  ['GET', '/api/models', 'ModelList'], ['GET', '/api/releases', 'ReleaseList'], ['GET', '/api/releases/r0003-91d3c7e2', 'Release'], ['GET', '/api/releases/r0001-0e4a9d17', 'Release'],
  ['GET', '/api/training', 'TrainingList'], ['GET', '/api/training/t20261124-231000-7c1e', 'TrainingRun'], ['GET', '/api/people', 'PersonList'], ['GET', '/api/keys', 'KeyList'], ['GET', '/api/audit', 'AuditList'],
  ['POST', '/api/audit/verify', 'Verification'], ['GET', '/api/system', 'System'], ['GET', '/api/records/none', 'Error'],
])('%s %s is a %s', async (method, path, schema) => {
  const reply = await fetch(base + path, { method, headers })
  expect(wrong(await reply.json(), schemas[schema]!)).toEqual([])
})
it.each([['강도 8.8짜리 M16 볼트는 몇 N·m로 조여?'], ['MC-05 스핀들 앞 베어링 언제 갈았지?'], ['없는 것을 묻는다 입찰보증금']])('an answer to "%s" is an Answer', async (question) => {
  const reply = await fetch(`${base}/api/ask`, { method: 'POST', headers, body: JSON.stringify({ question }) })
  expect(wrong(await reply.json(), schemas['Answer']!)).toEqual([])
})
it('the check can fail', () => {
  expect(wrong({ people: [{ name: 1 }] }, schemas['PersonList']!).length).toBeGreaterThan(3)
})
