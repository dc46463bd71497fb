// Routes, uploads, runs of the gold questions, charts, languages, exports.
import { describe, expect, it } from 'vitest'
import { ApiError, message } from '../../src/lib/api'
import { around, linePath, rateAxis } from '../../src/lib/chart'
import { en } from '../../src/lib/en'
import { asHtml, asJson, asMarkdown, asText } from '../../src/lib/export'
import { setLang } from '../../src/lib/i18n.svelte'
import { ko } from '../../src/lib/ko'
import { compare } from '../../src/lib/rate'
import { href, parse } from '../../src/lib/router.svelte'
import type { Answer, Evaluation } from '../../src/lib/types'
import { batches, kBytesPerRequest, kFilesPerRequest, partRefusals, refusal, share } from '../../src/lib/upload'

describe('routes', () => {
  it('come back as they went, slashes, signs and all', () => {
    const id = '정비/MC-05 50%?#이력.xlsx'
    const route = parse(href('record', id, { version: 2, text: 'a & b = c?', tab: '' }))
    expect([route.page, route.arg, route.params.get('version'), route.params.get('text'), route.params.has('tab')]).toEqual(['record', id, '2', 'a & b = c?', false])
  })
  it('take a malformed escape as it stands', () => {
    expect(parse('#/record/%E0%A4%A').arg).toBe('%E0%A4%A')
    expect(parse('').page).toBe('ask')
    expect(parse('#/first/SECRET').arg).toBe('SECRET')
  })
})

describe('refusals', () => {
  it('are said in the reader\'s language by their code, with the server\'s line where it says more', () => {
    setLang('ko')
    expect(message(new ApiError(429, 'locked_out', 'too many failed sign-ins; try again in 30 s'))).toMatch(/잘못된 로그인/)
    expect(message(new ApiError(400, 'invalid', '"label" is missing; $& it'))).toBe('보낸 내용에 잘못이 있습니다. ("label" is missing; $& it)')
    expect(message(new ApiError(418, 'teapot', 'short and stout'))).toBe('short and stout')
    setLang('en')
    expect(message(new ApiError(429, 'locked_out', 'try again in 30 s'))).toMatch(/failed sign-ins/)
    expect(message(new ApiError(400, 'invalid', 'what exactly'))).toBe('what exactly')
    expect(message(new Error('plain'))).toBe('plain')
  })
})

describe('uploads', () => {
  const file = (size: number) => ({ file: { size } })
  it('are bounded in files and bytes, in order, none lost', () => {
    expect(batches(Array.from({ length: 45 }, () => file(1))).map((b) => b.length)).toEqual([kFilesPerRequest, kFilesPerRequest, 5])
    expect(batches([file(kBytesPerRequest), file(1), file(kBytesPerRequest * 2), file(1)]).map((b) => b.length)).toEqual([1, 1, 1, 1])
    expect(batches([])).toEqual([])
  })
  it('share the bytes sent among the files', () => {
    expect(share([10, 20, 5], 0)).toEqual([0, 0, 0])
    expect(share([10, 20, 5], 15)).toEqual([10, 5, 0])
    expect(share([10, 20, 5], 900)).toEqual([10, 20, 5])
  })
  it('find the reason of a refusal, and those of parts', () => {
    const failed = [{ path: '/tmp/up/a/b.dwg', reason: 'r1' }, { path: 'mail.eml/c.exe', reason: 'r2' }]
    expect(refusal('a/b.dwg', failed)).toBe('r1')
    expect(refusal('b.dw', failed)).toBeUndefined()
    expect(refusal('mail.eml', failed)).toBeUndefined()
    expect(partRefusals('mail.eml', failed)).toEqual([failed[1]])
  })
})

describe('compare', () => {
  const run = (...questions: string[]): Evaluation => ({ id: '', created: '', clearance: 'O', questions: 9, answer_rate: 0, failures: questions.map((question) => ({ question, expected: '', got: '', record: '' })) })
  it('says what newly fails and what was mended', () => {
    const { failing, mended } = compare(run('a', 'c'), run('a', 'b'))
    expect(failing.map((c) => [c.failure.question, c.state])).toEqual([['c', 'new'], ['a', 'still']])
    expect(mended.map((f) => f.question)).toEqual(['b'])
  })
  it('calls nothing new without a run before', () => {
    expect(compare(run('a'), undefined).failing[0]?.state).toBe('still')
  })
})

describe('charts', () => {
  it.each([[[0.7875, 0.9]], [[0]], [[1]], [[0.5, 0.5]], [[0, 1]], [[0.995, 1]]])('hold all rates between round limits: %j', (values) => {
    const { low, high, ticks } = rateAxis(values)
    for (const value of values) expect(value >= low && value <= high).toBe(true)
    expect(low).toBeGreaterThanOrEqual(0)
    expect(high).toBeLessThanOrEqual(1)
    expect(high).toBeGreaterThan(low)
    expect(ticks.length).toBeGreaterThanOrEqual(2)
    expect(ticks.length).toBeLessThanOrEqual(8)
  })
  it('draw a line through all points', () => {
    expect(linePath([{ x: 0, y: 1 }, { x: 2, y: 3 }])).toBe('M0.0 1.0L2.0 3.0')
  })
  it('keep nodes of a graph on their side and apart', () => {
    const spots = around({ in: 7, out: 1 }, 1000, 500)
    expect(spots.in.every((p) => p.x < 500) && spots.out.every((p) => p.x > 500)).toBe(true)
    for (let i = 1; i < 7; ++i) expect(spots.in[i]!.y - spots.in[i - 1]!.y).toBeGreaterThan(20)
  })
})

describe('languages', () => {
  it('fill in the same values', () => {
    const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()
    for (const key of Object.keys(ko) as (keyof typeof ko)[]) expect([key, names(en[key])]).toEqual([key, names(ko[key])])
  })
  it('have words for everything, English without Hangul', () => {
    for (const [key, text] of Object.entries(en)) {
      expect(text.length, key).toBeGreaterThan(0)
      expect(/[가-힣]/.test(text), key).toBe(false)
    }
  })
})

describe('exports', () => {
  const answer: Answer = {
    id: 42, answerable: true, confidence: 0.9, answer: '206 N·m <b> [1]', kind: 'number', written: true, model: 'm1',
    citations: [{ n: 1, record: 'WS-118', version: 3, anchor: 'p. 1', title: '볼트 "토크"', text: '호칭: M16 & 206', label: 'O' }],
    conflicts: [], notes: [], searched: [], ms: { search: 1, total: 2 }, ai_notice: 'AI가 만든 답입니다.',
  }
  const item = { question: 'M16 <script>?', answer, asOf: '', at: '2026-11-24T00:00:00Z', version: '0.1.0' }
  it('carry the mark that people see', () => {
    for (const text of [asText(item), asMarkdown(item), asHtml(item), asJson(item)]) expect(text).toContain('AI가 만든 답입니다.')
  })
  it('carry the mark that machines read', () => {
    expect(asHtml(item)).toContain('<meta name="digitalSourceType" content="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia">')
    expect(asMarkdown(item)).toMatch(/^---\n(.+\n)*aiGenerated: "true"\n/)
    expect(JSON.parse(asJson(item))).toMatchObject({ aiGenerated: 'true', model: 'm1', auditId: '42' })
  })
  it('escape what people and records wrote', () => {
    expect(asHtml(item)).not.toContain('<script>')
    expect(asHtml(item)).toContain('206 N·m &lt;b&gt; [1]')
  })
})
