import { describe, expect, it } from 'vitest'
import { elementOf, find, findAll, inPieces, pageOf, reduce } from '../../src/lib/locate'
import type { Block } from '../../src/lib/types'

const at = (text: string, range: { begin: number; end: number } | null) => range && text.slice(range.begin, range.end)

describe('find', () => {
  it('sees past white space and line ends', () => {
    const page = '2.1 토크렌치는 6개월\n마다  교정한다.'
    expect(at(page, find(page, '6개월마다 교정한다'))).toBe('6개월\n마다  교정한다')
  })
  it('sees past bullets and full-width forms, not past signs', () => {
    expect(find('● 절삭유 농도', '• 절삭유 농도')).not.toBeNull()
    expect(find('ＷＳ－118', 'ws-118')).not.toBeNull()
    expect(find('±0.02 mm', '-0.02 mm')).toBeNull()
  })
  it('gives offsets that hold surrogate pairs and decomposed letters whole', () => {
    const page = '𝐀 가 나다'
    expect(at(page, find(page, '가나'))).toBe('가 나')
    expect(at('x𝐀y', find('x𝐀y', 'a'))).toBe('𝐀')
  })
  it('finds nothing for nothing', () => {
    expect(find('글', ' • ')).toBeNull()
  })
  it('reduces to offsets that rise and end at the end', () => {
    const { text, at: offsets } = reduce('㎜ 가 · 나')
    expect(offsets).toHaveLength(text.length + 1)
    expect([...offsets].sort((a, b) => a - b)).toEqual(offsets)
    expect(offsets[offsets.length - 1]).toBe('㎜ 가 · 나'.length)
  })
})

describe('findAll', () => {
  const page = '호칭 강도 구분 토크(N·m) 용도 M12 8.8 86 감속기 케이스 10.9 121 감속기 플랜지 M16 8.8 206 베이스 10.9 295 앵커'
  it('finds the cells of a row that was written with its headings', () => {
    const spots = findAll(page, '호칭: M16 | 강도 구분: 8.8 | 토크(N·m): 206 | 용도: 베이스').map((r) => at(page, r))
    expect(spots.join(' ')).toBe('M16 8.8 206 베이스')
  })
  it('does not light up a row of which less than half is there', () => {
    expect(findAll(page, '호칭: M30 | 강도 구분: 8.8 | 토크(N·m): 1400 | 용도: 없는 용도이다')).toEqual([])
  })
  it('takes several lines apart', () => {
    const text = '나중 줄이다. 사이. 먼저 줄이다.'
    expect(findAll(text, '먼저 줄이다.\n나중 줄이다.').map((r) => at(text, r))).toEqual(['나중 줄이다.', '먼저 줄이다.'])
  })
})

describe('inPieces', () => {
  it('splits ranges at the pieces', () => {
    expect(inPieces(['가나', '다라', '마'], [{ begin: 1, end: 5 }])).toEqual([
      { piece: 0, begin: 1, end: 2 }, { piece: 1, begin: 0, end: 2 }, { piece: 2, begin: 0, end: 1 },
    ])
    expect(inPieces(['', '가'], [{ begin: 0, end: 1 }])).toEqual([{ piece: 1, begin: 0, end: 1 }])
  })
})

describe('pageOf', () => {
  it('reads the page of an anchor', () => {
    expect(pageOf('p. 12 › 제2조')).toBe(12)
    expect(pageOf('line 3')).toBe(0)
  })
})

describe('elementOf', () => {
  const blocks: Block[] = [
    { index: 0, anchor: '1. 목적', kind: 'paragraph', text: '같은 문장이다.' },
    { index: 1, anchor: '2. 범위', kind: 'paragraph', text: '같은 문장이다.' },
    { index: 2, anchor: '정비이력!A2 › 정비이력', kind: 'table', text: '', rows: [['일자', '내용'], ['2024-05-27', '냉각기 팬 교환'], ['2024-08-19', '앞 베어링 교환']], header_rows: 1 },
    { index: 3, anchor: '3. 토크', kind: 'table', text: '', rows: [['호칭', '강도', '토크'], ['M12', '8.8', '86'], ['', '10.9', '121']], header_rows: 1 },
  ]
  it('tells equal sentences apart by their anchor', () => {
    expect(elementOf(blocks, '2. 범위', '같은 문장이다.')).toBe('b1')
  })
  it('finds the row of a citation', () => {
    expect(elementOf(blocks, '정비이력!A4 › 정비이력', '일자: 2024-08-19 | 내용: 앞 베어링 교환')).toBe('b2r2')
  })
  it('finds a row that continues merged cells', () => {
    expect(elementOf(blocks, '3. 토크', '호칭: M12 | 강도: 10.9 | 토크: 121')).toBe('b3r2')
  })
  it('falls back to the anchor, and says when it knows nothing', () => {
    expect(elementOf(blocks, '2. 범위', '없는 말이다')).toBe('b1')
    expect(elementOf(blocks, '없는 자리', '없는 말이다')).toBe('')
  })
})
