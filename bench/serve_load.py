#!/usr/bin/env python3
"""Load on `sillok serve`: clients that search, clients that stream answers, one that adds files; then idle streams.
  serve_load.py PROGRAM FILES... [--seconds 300] [--search 64] [--stream 8] [--add 1000] [--idle 1000] [--pause 0.1] [--model NAME]
Makes a home of the FILES, serves it, measures, and prints p50 and p99 of searching, errors, and resident memory."""
import argparse, asyncio, json, os, re, random, shutil, signal, statistics, subprocess, sys, tempfile, time, urllib.parse

arguments = argparse.ArgumentParser()
arguments.add_argument("program")
arguments.add_argument("files", nargs="+")
arguments.add_argument("--seconds", type=float, default=300)
arguments.add_argument("--search", type=int, default=64)
arguments.add_argument("--stream", type=int, default=8)
arguments.add_argument("--add", type=int, default=1000)
arguments.add_argument("--idle", type=int, default=1000)
arguments.add_argument("--pause", type=float, default=1.0, help="seconds a person thinks between two searches")
arguments.add_argument("--model", default="")
a = arguments.parse_args()
QUERIES = ["구매규정 수의계약", "베어링 교환", "볼트 조임 토크", "안전보건 위원회", "spindle bearing", "출장 여비", "납품 검사", "부적합 보고서", "교정 주기", "휴가 신청"]

folder = tempfile.mkdtemp(prefix="sillok-load-")
home = os.path.join(folder, "home")
subprocess.run([a.program, "init", "--home", home], check=True, stdout=subprocess.DEVNULL)
subprocess.run([a.program, "add", "--home", home, *a.files], check=True, stdout=subprocess.DEVNULL)
began = time.time()
command = [a.program, "serve", "--home", home, "--listen", "127.0.0.1:0"] + (["--model", a.model] if a.model else [])
server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
said = ""
while "#/first/" not in said or not said.endswith("\n"):
    said += server.stderr.readline()
port, secret = int(re.search(r"127\.0\.0\.1:(\d+)", said)[1]), re.search(r"#/first/(\S+)", said)[1]


def rss_mb():
    return int(open(f"/proc/{server.pid}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def read_reply(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
    status = int(head.split(" ", 2)[1])
    if "transfer-encoding: chunked" in head.lower():
        body = b""
        while True:
            size = int(await reader.readline(), 16)
            body += (await reader.readexactly(size + 2))[:size]
            if size == 0:
                return status, head, body
    length = re.search(r"content-length: (\d+)", head, re.I)
    return status, head, await reader.readexactly(int(length[1])) if length else b""


def build(method, target, body=b"", headers=()):
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers)
    if body:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def call(method, target, body=b"", headers=()):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(build(method, target, body, headers))
    reply = await read_reply(reader)
    writer.close()
    return reply


async def main():
    json_type = ("Content-Type", "application/json")
    status, head, body = await call("POST", "/api/first", json.dumps({"secret": secret, "name": "admin", "password": "correct horse battery"}).encode(), [json_type])
    assert status == 200, body
    cookie = re.search(r"set-cookie: ([^;]+)", head, re.I)[1]
    session = json.loads(body)
    _, _, body = await call("POST", "/api/keys", json.dumps({"scopes": session["person"]["may"]}).encode(), [json_type, ("Cookie", cookie), ("X-CSRF-Token", session["csrf"])])
    auth = ("Authorization", "Bearer " + json.loads(body)["secret"])
    start_rss, times, errors, streams, memory = rss_mb(), [], [], [0], []
    print(f"ready after {time.time() - began:.2f} s, {start_rss:.0f} MB", flush=True)
    end = time.time() + a.seconds

    async def searcher(n):
        rng = random.Random(n)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.time() < end:
            target = "/api/search?q=" + urllib.parse.quote(rng.choice(QUERIES))
            t = time.perf_counter()
            try:
                writer.write(build("GET", target, headers=[auth]))
                status, _, body = await read_reply(reader)
                if status != 200:
                    errors.append((status, body[:200]))
            except Exception as e:
                errors.append(("search", repr(e)))
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            times.append(time.perf_counter() - t)
            await asyncio.sleep(a.pause * rng.uniform(0.5, 1.5))

    async def asker(n):
        rng = random.Random(1000 + n)
        while time.time() < end:
            try:
                body = json.dumps({"question": rng.choice(QUERIES) + "은?", "stream": True}).encode()
                status, _, body = await call("POST", "/api/ask", body, [json_type, auth])
                if status != 200 or b"event: answer" not in body:
                    errors.append((status, body[-300:]))
                streams[0] += 1
            except Exception as e:
                errors.append(("ask", repr(e)))
            await asyncio.sleep(0.5)

    async def adder():
        left = a.add
        while left > 0 and time.time() < end:
            count = min(50, left)
            body = b""
            for i in range(count):
                n = a.add - left + i
                body += b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"load-%d.md\"\r\n\r\n" % n
                body += f"# 부하 {n}\n\n{n}번째 부하 기록이다. 베어링 {n % 97}호를 교환했다.\n".encode() + b"\r\n"
            status, _, body = await call("POST", "/api/records", body + b"--b--\r\n", [("Content-Type", "multipart/form-data; boundary=b"), auth])
            if status != 202:
                errors.append((status, body[:200]))
                return
            job = json.loads(body)["job"]
            while True:
                _, _, body = await call("GET", "/api/jobs/" + job, headers=[auth])
                state = json.loads(body)
                if state["state"] not in ("waiting", "running"):
                    break
                await asyncio.sleep(0.2)
            if state["state"] != "done" or state["failed"]:
                errors.append(("job", state))
            left -= count
        print(f"added {a.add - left} files, {max(0, a.seconds - (end - time.time())):.0f} s into the run", flush=True)

    async def watcher():
        while time.time() < end:
            memory.append(rss_mb())
            await asyncio.sleep(a.seconds / 20)

    await asyncio.gather(*(searcher(n) for n in range(a.search)), *(asker(n) for n in range(a.stream)), adder(), watcher())
    times.sort()
    print(f"searches {len(times)} ({len(times) / a.seconds:.0f}/s): p50 {times[len(times) // 2] * 1e3:.1f} ms, p99 {times[int(len(times) * 0.99)] * 1e3:.1f} ms, "
          f"max {times[-1] * 1e3:.0f} ms; streamed answers {streams[0]}; errors {len(errors)} {errors[:3]}")
    print("resident MB over the run: " + " ".join(f"{m:.0f}" for m in memory))
    cpu = sum(float(x) for x in open(f"/proc/{server.pid}/stat").read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")
    print(f"processor time of the server: {cpu:.0f} s of {a.seconds:.0f} s on {os.cpu_count()} cores")

    before, open_streams = rss_mb(), []
    for _ in range(a.idle):
        if not open_streams:
            _, head, _ = await call("POST", "/mcp", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18"}}).encode(), [json_type, auth])
            session_id = ("Mcp-Session-Id", re.search(r"mcp-session-id: (\S+)", head, re.I)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(build("GET", "/mcp", headers=[auth, session_id, ("Accept", "text/event-stream")]))
        await reader.readuntil(b": open")
        open_streams.append(writer)
    print(f"{len(open_streams)} idle streams: {rss_mb() - before:+.1f} MB ({before:.0f} to {rss_mb():.0f})")
    t = time.time()
    server.send_signal(signal.SIGTERM)
    status = server.wait(60)
    print(f"stopped with them open in {time.time() - t:.2f} s, status {status}")
    return 1 if errors or status else 0

try:
    sys.exit(asyncio.run(main()))
finally:
    if server.poll() is None:
        server.kill()
    shutil.rmtree(folder, ignore_errors=True)
