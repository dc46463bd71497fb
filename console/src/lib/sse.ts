// Server-sent events out of pieces of text, as the HTML standard frames them (section 9.2.6): events end at an empty
// line; lines end with LF, CR or CRLF; several data lines are joined by LF; a line that begins with ":" is a comment.

export interface ServerEvent { event: string; data: string }

export class EventParser {
  private rest = ''
  private event = ''
  private data: string[] = []

  // The events that this piece completes. A piece may end anywhere, also between CR and LF.
  push(piece: string): ServerEvent[] {
    const events: ServerEvent[] = []
    this.rest += piece
    for (;;) {
      const end = this.rest.search(/[\r\n]/)
      if (end < 0) break
      // A CR at the very end may be half of a CRLF: wait for what follows.
      if (this.rest[end] === '\r' && end + 1 === this.rest.length) break
      const width = this.rest[end] === '\r' && this.rest[end + 1] === '\n' ? 2 : 1
      const line = this.rest.slice(0, end)
      this.rest = this.rest.slice(end + width)
      const done = this.line(line)
      if (done) events.push(done)
    }
    return events
  }

  private line(line: string): ServerEvent | null {
    if (line === '') {
      const data = this.data
      const event = this.event || 'message'
      this.data = []
      this.event = ''
      return data.length > 0 ? { event, data: data.join('\n') } : null
    }
    if (line.startsWith(':')) return null
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    let value = colon < 0 ? '' : line.slice(colon + 1)
    if (value.startsWith(' ')) value = value.slice(1)
    if (field === 'event') this.event = value
    if (field === 'data') this.data.push(value)
    return null
  }
}
