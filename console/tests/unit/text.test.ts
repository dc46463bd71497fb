import { describe, expect, it } from 'vitest'
import { answerParts, bytes, marked, support } from '../../src/lib/text'

describe('answerParts', () => {
  it('turns marks into citations', () => {
    expect(answerParts('조입니다 [1][2]. 끝 [1, 2]', new Set([1, 2]))).toEqual([
      { text: '조입니다 ' }, { cite: 1 }, { cite: 2 }, { text: '. 끝 ' }, { cite: 1 }, { cite: 2 },
    ])
  })
  it('leaves what is not cited as words', () => {
    expect(answerParts('[2024] 고시 [9]', new Set([1]))).toEqual([{ text: '[2024] 고시 [9]' }])
  })
})

describe('marked', () => {
  it('cuts at spans, whatever their order and bounds', () => {
    expect(marked('가나다라', [[2, 9], [1, 3]])).toEqual([{ text: '가', mark: false }, { text: '나다', mark: true }, { text: '라', mark: true }])
    expect(marked('가나', [[1, 1], [-3, 1]])).toEqual([{ text: '가', mark: true }, { text: '나', mark: false }])
    expect(marked('', [[0, 1]])).toEqual([])
  })
})

describe('support', () => {
  it('sets apart the sentences that nothing supports', () => {
    expect(support('하나. 둘. 셋.', [{ text: '하나.', supported: true }, { text: '둘.', supported: false }])).toEqual([
      { text: '하나. ', supported: true }, { text: '둘.', supported: false }, { text: ' 셋.', supported: true },
    ])
  })
  it('is not confused by a dropped sentence', () => {
    expect(support('하나.', [{ text: '없다.', supported: false }])).toEqual([{ text: '하나.', supported: true }])
  })
})

describe('bytes', () => {
  it('uses units of a thousand', () => {
    expect([0, 999, 1000, 48_000, 123_456_789, 1.31e9].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '48.0 kB', '123 MB', '1.3 GB'])
  })
})
