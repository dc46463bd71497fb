import { describe, expect, it } from 'vitest'
import { commonPairs, diffBlocks, diffWords, likeness, words } from '../../src/lib/diff'
import type { Block } from '../../src/lib/types'

const paragraph = (index: number, text: string): Block => ({ index, anchor: '', kind: 'paragraph', text })
const joined = (pieces: { text: string }[]) => pieces.map((p) => p.text).join('')

describe('commonPairs', () => {
  // Length of the longest common subsequence by the definition, for small inputs.
  const longest = (a: string[], b: string[]): number =>
    a.length === 0 || b.length === 0 ? 0 : a[0] === b[0] ? 1 + longest(a.slice(1), b.slice(1)) : Math.max(longest(a.slice(1), b), longest(a, b.slice(1)))

  it('is a longest common subsequence, in order, for all short strings', () => {
    const strings: string[][] = [[]]
    for (let n = 0; n < 4; ++n) strings.push(...strings.filter((s) => s.length === n).flatMap((s) => [[...s, 'a'], [...s, 'b'], [...s, 'c']]))
    for (const a of strings) {
      for (const b of strings) {
        const pairs = commonPairs(a, b)
        const right = pairs.length === longest(a, b) && pairs.every(([i, j], k) => a[i] === b[j] && (k === 0 || (i > pairs[k - 1]![0] && j > pairs[k - 1]![1])))
        if (!right) expect.fail(`${a.join('')} against ${b.join('')}: ${JSON.stringify(pairs)}`)
      }
    }
  })
  it('does not freeze on two large, wholly different texts', () => {
    const a = Array.from({ length: 6000 }, (_, i) => `a${i}`)
    const b = Array.from({ length: 6000 }, (_, i) => `b${i}`)
    expect(commonPairs(['x', ...a, 'y'], ['x', ...b, 'y'])).toEqual([[0, 0], [6001, 6001]])
  })
})

describe('words', () => {
  it('keeps numbers whole and loses nothing', () => {
    const text = '허용차는 ±0.02 mm, 1,200.5원(2024-08-19)'
    expect(words(text).join('')).toBe(text)
    expect(words(text)).toContain('±0.02')
    expect(words(text)).toContain('1,200.5')
    expect(words(text)).toContain('2024-08-19')
  })
})

describe('diffWords', () => {
  it('marks what changed and keeps both texts', () => {
    const old = '4.1 드레싱은 샤프트 30개를 가공할 때마다 한다.'
    const now = '4.1 드레싱은 샤프트 20개를 가공할 때마다 한다.'
    const { left, right } = diffWords(old, now)
    expect(joined(left)).toBe(old)
    expect(joined(right)).toBe(now)
    expect(left.filter((p) => p.kind === 'gone')).toEqual([{ text: '30', kind: 'gone' }])
    expect(right.filter((p) => p.kind === 'new')).toEqual([{ text: '20', kind: 'new' }])
  })
})

describe('diffBlocks', () => {
  it('puts an edited paragraph beside its old self', () => {
    const rows = diffBlocks(
      [paragraph(0, '1. 공구'), paragraph(1, '토크렌치는 12개월마다 교정한다.'), paragraph(2, '끝')],
      [paragraph(0, '1. 공구'), paragraph(1, '토크렌치는 6개월마다 교정한다.'), paragraph(2, '새로 더한 조항이다.'), paragraph(3, '끝')],
    )
    expect(rows.map((r) => r.kind)).toEqual(['same', 'changed', 'new', 'same'])
  })
  it('does not pair what is unlike', () => {
    const rows = diffBlocks([paragraph(0, '가나다 라마바')], [paragraph(0, '전혀 다른 글이다')])
    expect(rows.map((r) => r.kind)).toEqual(['gone', 'new'])
  })
  it('compares tables row by row', () => {
    const table = (value: string): Block => ({ index: 0, anchor: '', kind: 'table', text: '', rows: [['호칭', '토크'], ['M8', '24'], ['M10', value]], header_rows: 1 })
    const rows = diffBlocks([table('48')], [table('50')])
    expect(rows.map((r) => r.kind)).toEqual(['same', 'same', 'changed'])
  })
  it('leaves running heads aside and takes white space for nothing', () => {
    const head: Block = { index: 0, anchor: '', kind: 'header', text: 'Rev.1' }
    expect(diffBlocks([head, paragraph(1, '같은  글')], [paragraph(0, '같은 글')]).map((r) => r.kind)).toEqual(['same'])
  })
  it('keeps every block once', () => {
    const left = ['a', 'b b b', 'c', 'd d', 'e'].map((text, i) => paragraph(i, text))
    const right = ['b b x', 'a', 'd d', 'f', 'e'].map((text, i) => paragraph(i, text))
    const rows = diffBlocks(left, right)
    expect(rows.flatMap((r) => (r.left ? [r.left.index] : []))).toEqual([0, 1, 2, 3, 4])
    expect(rows.flatMap((r) => (r.right ? [r.right.index] : []))).toEqual([0, 1, 2, 3, 4])
  })
})

describe('likeness', () => {
  it('is 1 for the same words and 0 for none', () => {
    expect(likeness('가 나', '가 나')).toBe(1)
    expect(likeness('가 나', '다 라')).toBe(0)
    expect(likeness('', '')).toBe(1)
  })
})
