// Files to send: gathered from a drop, put into requests, and their progress told apart.

export interface Item {
  path: string
  file: File
  state: 'waiting' | 'sending' | 'reading' | 'kept' | 'refused'
  sent: number
  reason: string
}

// One request carries at most so many files and bytes: a broken connection then costs little, and the server bounds bodies.
export const kFilesPerRequest = 20
export const kBytesPerRequest = 64 * 1024 * 1024

export function batches<T extends { file: { size: number } }>(items: readonly T[]): T[][] {
  const out: T[][] = []
  let bytes = 0
  for (const item of items) {
    const last = out[out.length - 1]
    if (!last || last.length >= kFilesPerRequest || bytes + item.file.size > kBytesPerRequest) {
      out.push([item])
      bytes = item.file.size
    } else {
      last.push(item)
      bytes += item.file.size
    }
  }
  return out
}

// How much of each file has gone, from the bytes of the whole request: files go one after the other. The multipart frame
// is not counted; it makes a file look done a few hundred bytes early, and never more than its size.
export function share(sizes: readonly number[], sent: number): number[] {
  let left = sent
  return sizes.map((size) => {
    const own = Math.min(size, Math.max(0, left))
    left -= size
    return own
  })
}

// A job names a file that was refused by its path, perhaps with the part inside it ("mail.eml/attachment.pdf").
export function refusal(path: string, failed: readonly { path: string; reason: string }[]): string | undefined {
  const exact = failed.find((f) => f.path === path || f.path.endsWith(`/${path}`))
  return exact?.reason
}
// Refusals inside a file that was itself kept: attachments, members.
export function partRefusals(path: string, failed: readonly { path: string; reason: string }[]): { path: string; reason: string }[] {
  return failed.filter((f) => f.path.startsWith(`${path}/`) || f.path.includes(`/${path}/`))
}

// Everything that was dropped, folders walked through; a file's path is relative to what was dropped.
export async function dropped(transfer: DataTransfer): Promise<{ path: string; file: File }[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null)
  if (entries.every((entry) => entry === null)) return [...transfer.files].map((file) => ({ path: file.name, file }))
  const out: { path: string; file: File }[] = []
  const walk = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
      out.push({ path: entry.fullPath.replace(/^\//, ''), file })
      return
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader()
    for (;;) {
      // Chromium gives at most 100 entries a time.
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
      if (some.length === 0) break
      for (const child of some) await walk(child)
    }
  }
  for (const entry of entries) if (entry) await walk(entry)
  return out
}
