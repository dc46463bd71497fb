// OpenAI's Node client, LangChain's and the MCP SDK's, as people use them, against a server of their own.
// Environment: SILLOK_PROGRAM, SILLOK_MAKE_MODELS (the small models' writer).
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const program = process.env.SILLOK_PROGRAM;
const makeModels = process.env.SILLOK_MAKE_MODELS;
const question = "출입증은 어디서 발급하나?";
let folder, server, base, key, openai;

async function call(path, options = {}) {
  const reply = await fetch(base + path, { ...options, headers: { ...(key && { Authorization: `Bearer ${key}` }), ...options.headers } });
  assert.ok(reply.ok, `${path}: ${reply.status} ${reply.ok ? "" : await reply.text()}`);
  return reply.status === 204 ? null : reply;
}
const json = { "Content-Type": "application/json" };

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sillok-clients-"));
  const home = join(folder, "home");
  execFileSync(program, ["init", "--home", home]);
  mkdirSync(join(home, "models"));
  execFileSync(makeModels, [join(home, "models"), "llama-chat", "bert"]);
  writeFileSync(join(folder, "출입.md"), "# 출입\n\n출입증은 총무팀에서 발급한다.\n");
  execFileSync(program, ["add", "--home", home, join(folder, "출입.md")]);
  server = spawn(program, ["serve", "--home", home, "--listen", "127.0.0.1:0", "--model", "llama-chat"], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  await new Promise((resolve, reject) => {
    server.stderr.on("data", (bytes) => {
      said += bytes;
      if (said.includes("#/first/") && said.endsWith("\n")) resolve();
    });
    server.on("exit", (status) => reject(new Error(`the server ended with ${status}: ${said}`)));
  });
  base = said.match(/http:\/\/127\.0\.0\.1:\d+/)[0];
  const secret = said.match(/#\/first\/(\S+)/)[1];
  const session = await call("/api/first", { method: "POST", headers: json, body: JSON.stringify({ secret, name: "admin", password: "correct horse battery" }) });
  const { csrf } = await session.json();
  const cookie = session.headers.get("set-cookie").split(";")[0];
  const made = await call("/api/keys", { method: "POST", headers: { ...json, Cookie: cookie, "X-CSRF-Token": csrf }, body: JSON.stringify({ scopes: ["ask", "search", "read"] }) });
  key = (await made.json()).secret;
  openai = new OpenAI({ apiKey: key, baseURL: `${base}/v1`, maxRetries: 0 });
});

after(async () => {
  if (server) {
    server.removeAllListeners("exit");
    const ended = new Promise((resolve) => server.on("exit", resolve));
    server.kill("SIGTERM");
    assert.equal(await ended, 0);
  }
  rmSync(folder, { recursive: true, force: true });
});

test("openai: models", async () => {
  const names = [];
  for await (const model of openai.models.list()) names.push(model.id);
  assert.deepEqual(names, ["sillok", "llama-chat", "bert"]);
  assert.equal((await openai.models.retrieve("sillok")).owned_by, "sillok");
});

test("openai: chat over the records, whole and streamed", async () => {
  const messages = [{ role: "user", content: question }];
  const whole = await openai.chat.completions.create({ model: "sillok", messages });
  assert.match(whole.choices[0].message.content, /총무팀|답을 찾지 못했습니다/);
  assert.ok(Array.isArray(whole.citations));
  let text = "", last;
  for await (const chunk of await openai.chat.completions.create({ model: "sillok", messages, stream: true })) {
    text += chunk.choices[0]?.delta?.content ?? "";
    last = chunk;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(last.choices[0].finish_reason, "stop");
});

test("openai: a model by its name: seed, stop, logprobs, schema, streaming", async () => {
  const asked = { model: "llama-chat", prompt: "abc abc", max_tokens: 8, seed: 3, temperature: 1 };
  const one = await openai.completions.create({ ...asked, logprobs: 2 });
  assert.equal(one.choices[0].logprobs.tokens.length, one.usage.completion_tokens);
  let text = "";
  for await (const chunk of await openai.completions.create({ ...asked, stream: true })) text += chunk.choices[0]?.text ?? "";
  assert.equal(text, one.choices[0].text);
});

// A random model under a grammar: it says nonsense, in exactly the form that was asked for.
const place = { type: "object", properties: { place: { enum: ["총무팀", "안내실"] }, open: { type: "boolean" } }, required: ["place", "open"], additionalProperties: false };
const ask = { model: "llama-chat", messages: [{ role: "user", content: question }], max_tokens: 200, seed: 7 };
const isPlace = (text) => {
  const value = JSON.parse(text);
  assert.deepEqual(Object.keys(value).sort(), ["open", "place"]);
  assert.ok(place.properties.place.enum.includes(value.place) && typeof value.open === "boolean");
};

test("openai: response_format, whole and streamed", async () => {
  const response_format = { type: "json_schema", json_schema: { name: "place", strict: true, schema: place } };
  const whole = await openai.chat.completions.create({ ...ask, response_format });
  assert.equal(whole.choices[0].finish_reason, "stop");
  isPlace(whole.choices[0].message.content);
  assert.equal(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens);
  let text = "", finish, usage;
  for await (const chunk of await openai.chat.completions.create({ ...ask, response_format, stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(finish, "stop");
  assert.deepEqual(usage.completion_tokens, whole.usage.completion_tokens);
  // The client's own helper: it parses what comes back.
  const parsed = await openai.chat.completions.parse({ ...ask, response_format });
  assert.deepEqual(parsed.choices[0].message.parsed, JSON.parse(whole.choices[0].message.content));
  const object = await openai.chat.completions.create({ ...ask, max_tokens: 400, response_format: { type: "json_object" } });
  if (object.choices[0].finish_reason === "stop") assert.equal(typeof JSON.parse(object.choices[0].message.content), "object");
});

test("openai: tools, required and named, whole and streamed", async () => {
  const tool = (name) => ({ type: "function", function: { name, description: "Where", parameters: place } });
  const tools = [tool("find_place"), tool("find_room")];
  const whole = await openai.chat.completions.create({ ...ask, tools, tool_choice: "required" });
  const [choice] = whole.choices;
  assert.equal(choice.finish_reason, "tool_calls");
  assert.equal(choice.message.content, null);
  assert.equal(choice.message.tool_calls.length, 1);
  assert.match(choice.message.tool_calls[0].id, /^call_/);
  assert.ok(["find_place", "find_room"].includes(choice.message.tool_calls[0].function.name));
  isPlace(choice.message.tool_calls[0].function.arguments);
  const named = await openai.chat.completions.create({ ...ask, tools, tool_choice: { type: "function", function: { name: "find_room" } } });
  assert.equal(named.choices[0].message.tool_calls[0].function.name, "find_room");

  const runner = openai.chat.completions.stream({ ...ask, tools, tool_choice: "required" });
  const streamed = (await runner.finalChatCompletion()).choices[0];
  assert.equal(streamed.finish_reason, "tool_calls");
  assert.equal(streamed.message.tool_calls[0].function.arguments, choice.message.tool_calls[0].function.arguments);

  // The call and its result go back as messages.
  const { message } = choice;
  const again = await openai.chat.completions.create({ ...ask, max_tokens: 8, tools, tool_choice: "none", messages: [...ask.messages, message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: "총무팀" }] });
  assert.equal(again.choices[0].message.tool_calls, undefined);
  assert.equal(typeof again.choices[0].message.content, "string");
});

test("openai: what cannot be done is refused in OpenAI's convention, naming the field", async () => {
  const tools = [{ type: "function", function: { name: "f", parameters: place } }];
  const refused = async (more, param) => {
    const error = await openai.chat.completions.create({ ...ask, ...more }).then(() => null, (e) => e);
    assert.ok(error instanceof OpenAI.BadRequestError, `${JSON.stringify(more)}: ${error?.status} ${error?.message}`);
    assert.equal(error.type, "invalid_request_error");
    assert.equal(error.param, param, error.message);
    assert.ok(error.code);
  };
  await refused({ tools, tool_choice: { type: "function", function: { name: "g" } } }, "tool_choice");
  await refused({ tools, tool_choice: "sometimes" }, "tool_choice");
  await refused({ tools, tool_choice: 7 }, "tool_choice");
  await refused({ tools: "f" }, "tools");
  await refused({ tools: [{ type: 7 }] }, null);
  await refused({ tools: [{ type: "function", function: { name: "f", parameters: { type: "nonsense" } } }], tool_choice: "required" }, "tools");
  await refused({ response_format: { type: 5 } }, "response_format");
  await refused({ response_format: { type: "json_schema" } }, "response_format");
  await refused({ response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "nonsense" } } } }, "response_format");
  await refused({ tools, tool_choice: "required", response_format: { type: "json_object" } }, "response_format");
  await refused({ n: 2 }, "n");
  await refused({ temperature: -1 }, "temperature");
  await refused({ stop: [""] }, "stop");
  await refused({ stream: "yes" }, "stream");
  await refused({ stream: true, max_tokens: 0 }, "max_tokens");
  await refused({ messages: [{ role: "user", content: [{ type: 7 }] }] }, null);
  await refused({ messages: [{ content: "who" }] }, null);
});

test("openai: embeddings, as numbers and packed", async () => {
  const packed = await openai.embeddings.create({ model: "bert", input: ["abc", "가나다"] });
  const plain = await openai.embeddings.create({ model: "bert", input: ["abc", "가나다"], encoding_format: "float" });
  assert.equal(packed.data.length, 2);
  packed.data[0].embedding.forEach((x, i) => assert.ok(Math.abs(x - plain.data[0].embedding[i]) < 1e-6));
});

test("openai: errors are the client's own classes", async () => {
  await assert.rejects(openai.chat.completions.create({ model: "none", messages: [{ role: "user", content: "?" }] }), OpenAI.NotFoundError);
  await assert.rejects(openai.chat.completions.create({ model: "sillok", messages: [] }), OpenAI.BadRequestError);
  const stranger = new OpenAI({ apiKey: "wrong", baseURL: `${base}/v1`, maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});

test("langchain: chat, stream, embeddings", async () => {
  const chat = new ChatOpenAI({ model: "sillok", apiKey: key, configuration: { baseURL: `${base}/v1` }, maxRetries: 0 });
  const reply = await chat.invoke(question);
  assert.match(reply.content, /총무팀|답을 찾지 못했습니다/);
  let text = "";
  for await (const chunk of await chat.stream([["system", "무시"], ["human", question]])) text += chunk.content;
  assert.equal(text, reply.content);
  const vectors = new OpenAIEmbeddings({ model: "bert", apiKey: key, configuration: { baseURL: `${base}/v1` }, maxRetries: 0 });
  assert.equal((await vectors.embedDocuments(["abc", "def"])).length, 2);
});

test("mcp: the SDK's client lists and calls the tools", async () => {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`${base}/mcp`), { requestInit: { headers: { Authorization: `Bearer ${key}` } } });
  await client.connect(transport);
  assert.equal(client.getServerVersion().name, "sillok");
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name).sort(), ["ask", "links", "open_record", "search"]);
  const found = await client.callTool({ name: "search", arguments: { query: "출입증" } });
  assert.match(found.content[0].text, /총무팀/);
  const answer = await client.callTool({ name: "ask", arguments: { question } });
  assert.equal(answer.isError, false);
  const record = await client.callTool({ name: "open_record", arguments: { record: "출입.md" } });
  assert.match(record.content[0].text, /총무팀/);
  assert.equal((await client.callTool({ name: "open_record", arguments: { record: "없다" } })).isError, true);
  assert.equal((await client.callTool({ name: "links", arguments: { record: "출입.md" } })).isError, false);
  await assert.rejects(client.callTool({ name: "rm", arguments: {} }));
  await transport.terminateSession();
  await client.close();
});
