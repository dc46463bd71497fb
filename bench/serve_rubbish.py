#!/usr/bin/env python3
"""Sends malformed requests to a running `sillok serve` and sees that each gets a 4xx or a closed connection, and that
the server is still there: serve_rubbish.py PORT [COUNT] [KEY]. With a key, bodies reach the routes behind sign-in."""
import collections, json, random, socket, sys, time

port, count = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
key = sys.argv[3] if len(sys.argv) > 3 else ""
rng = random.Random(1)
TARGETS = ["/", "/api/search?q=a", "/api/ask", "/api/records", "/api/session", "/api/first", "/v1/chat/completions", "/v1/completions",
           "/v1/embeddings", "/v1/rerank", "/mcp", "/api/records/a%2Fb/html", "/api/gold", "/api/people", "/api/keys", "/metrics"]
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get", "G\x00T", ""]


def noise(n):
    return bytes(rng.randrange(256) for _ in range(n))


def value(depth=0):
    kind = rng.randrange(10)
    if kind < 2 and depth < 6:
        return [value(depth + 1) for _ in range(rng.randrange(4))]
    if kind < 5 and depth < 6:
        names = ["question", "messages", "model", "input", "prompt", "stop", "tools", "response_format", "stream", "role", "content", "jsonrpc",
                 "id", "method", "params", "name", "arguments", "documents", "query", "seed", "logit_bias", "conversation", "scopes", "label"]
        return {rng.choice(names): value(depth + 1) for _ in range(rng.randrange(5))}
    return rng.choice([None, True, False, 0, -1, 1e308, 2**64, "", "가", "\x00", "a" * rng.randrange(300), "sillok", "2.0", "tools/call", "user"])


def request():
    kind = rng.randrange(8)
    method, target = rng.choice(METHODS[:7]), rng.choice(TARGETS)
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + (f"Authorization: Bearer {key}\r\n" if key else "")
    if kind == 0:
        return noise(rng.randrange(1, 400)) + b"\r\n\r\n"
    if kind == 1:
        return (rng.choice(METHODS) + rng.choice([" ", "  ", "\t"]) + rng.choice(TARGETS) + rng.choice([" HTTP/1.1", " HTTP/9", "", " HTTP/1.0"]) + "\r\n\r\n").encode("latin1")
    if kind == 2:
        return head.encode() + noise(rng.randrange(1, 200)) + b"\r\n\r\n"
    if kind == 3:
        body = json.dumps(value(), ensure_ascii=False).encode("utf8", "surrogatepass")
        return head.encode() + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    if kind == 4:
        body = bytearray(json.dumps(value()).encode())
        for _ in range(rng.randrange(4)):
            if body:
                body[rng.randrange(len(body))] = rng.randrange(256)
        return head.encode() + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + bytes(body)
    if kind == 5:
        return head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + noise(rng.randrange(60)) + b"\r\n0\r\n\r\n"
    if kind == 6:
        body = noise(rng.randrange(300)) + b"\r\n--b\r\n" + noise(rng.randrange(60)) + b"\r\n\r\n--b--"
        return head.encode() + b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    return f"GET /{'%' * rng.randrange(50)}{rng.choice(TARGETS)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()


def exchange(data):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
        s.settimeout(30)
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            got = b""
            while len(got) < 65536:
                piece = s.recv(65536)
                if not piece:
                    break
                got += piece
        except ConnectionError:
            pass
    return got


seen, bad, began = collections.Counter(), [], time.time()
for i in range(count):
    data = request()
    try:
        got = exchange(data)
    except (TimeoutError, socket.timeout):
        bad.append(("no answer within 30 s", data))
        continue
    status = got[9:12].decode("latin1") if got.startswith(b"HTTP/1.1 ") else "closed"
    seen[status] += 1
    if status.startswith("5") and status not in ("505", "503", "501"):
        bad.append((status, data))
    if (i + 1) % 10_000 == 0:
        print(i + 1, dict(sorted(seen.items())), f"{(i + 1) / (time.time() - began):.0f}/s", flush=True)
alive = exchange(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200")
for status, data in bad[:5]:
    print("WRONG", status, data[:300])
print(f"{count} requests: {dict(sorted(seen.items()))}; wrong {len(bad)}; alive afterwards: {alive}")
sys.exit(0 if alive and not bad else 1)
