// Following a job until it ends.
import { get } from './api'
import type { Job } from './types'

export const over = (job: Job) => job.state === 'done' || job.state === 'failed' || job.state === 'cancelled'

// Half a second while people watch; the server answers these from memory.
const kEvery_ms = 500

export async function follow(job: string | { id: string }, seen: (job: Job) => void, signal: AbortSignal): Promise<Job> {
  const id = typeof job === 'string' ? job : job.id
  for (;;) {
    const now = await get<Job>(`/api/jobs/${encodeURIComponent(id)}`, { signal })
    seen(now)
    if (over(now)) return now
    await new Promise((resolve) => setTimeout(resolve, kEvery_ms))
    signal.throwIfAborted()
  }
}
