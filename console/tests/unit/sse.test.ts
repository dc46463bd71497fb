import { describe, expect, it } from 'vitest'
import { EventParser } from '../../src/lib/sse'

const all = (pieces: string[]) => {
  const parser = new EventParser()
  return pieces.flatMap((piece) => parser.push(piece))
}

describe('EventParser', () => {
  it('gives an event at its empty line, not before', () => {
    const parser = new EventParser()
    expect(parser.push('event: text\ndata: {"text":"가"}\n')).toEqual([])
    expect(parser.push('\n')).toEqual([{ event: 'text', data: '{"text":"가"}' }])
  })
  it('gives the same whatever the pieces are', () => {
    const text = 'event: evidence\r\ndata: {"n":1}\r\n\r\n: keep\n\nevent:text\ndata: a\ndata:  b\n\ndata: 끝\n\n'
    const whole = all([text])
    expect(whole).toEqual([
      { event: 'evidence', data: '{"n":1}' }, { event: 'text', data: 'a\n b' }, { event: 'message', data: '끝' },
    ])
    for (let cut = 1; cut < text.length; ++cut) expect(all([text.slice(0, cut), text.slice(cut)])).toEqual(whole)
    expect(all([...text])).toEqual(whole)
  })
  it('ignores events without data and unknown fields', () => {
    expect(all(['event: ping\n\nid: 4\nretry: 10\ndata\n\n'])).toEqual([{ event: 'message', data: '' }])
  })
})
